package view

import "portcullis.internal/portcullis/internal/access"

// EntriesCSVURL is all entries of an allowlist as a file.
func EntriesCSVURL(id string) string { return AllowlistURL(id) + "/entries.csv" }

// ImportEntriesURL takes a file of entries.
func ImportEntriesURL(id string) string { return AllowlistURL(id) + "/import" }

// ScenarioURL is the desired state as a file; the format is yaml or json.
func ScenarioURL(format string) string { return "/scenario." + format }

// ImportScenarioURL takes the desired state as a file.
func ImportScenarioURL() string { return "/import" }

// AccountExportURL is what an account's documents are to be; the format is terraform or
// cloudformation.
func AccountExportURL(id access.AccountID, format string) string {
	return AccountURL(id) + "/" + format
}

// AuditExportURL is the audit log as a file; the format is csv or jsonl.
func AuditExportURL() string { return AuditURL() + "/export" }
