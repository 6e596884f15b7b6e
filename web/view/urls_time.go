package view

// ScheduleChangeURL has an approved change applied at a time.
func ScheduleChangeURL(id int64) string { return ChangeURL(id) + "/schedule" }

// CancelScheduleURL takes that time back.
func CancelScheduleURL(id int64) string { return ChangeURL(id) + "/unschedule" }

// HistoryURL is the desired state of the past.
func HistoryURL() string { return "/history" }

// PastAllowlistURL is an allowlist of the past.
func PastAllowlistURL(id string) string { return HistoryURL() + AllowlistURL(id) }

// RevisionURL is the desired state at a revision.
func RevisionURL(revision int64) string { return With(HistoryURL(), "revision", number(revision)) }

// StateFileURL is the desired state at a revision as a scenario file: yaml or json.
func StateFileURL(revision int64, format string) string {
	return With("/scenario."+format, "revision", number(revision))
}
