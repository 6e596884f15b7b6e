package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// FindingsURL lists findings.
func FindingsURL() string { return "/findings" }

// ScanURL has every account read and compared.
func ScanURL() string { return FindingsURL() + "/scan" }

// FindingURL is the page of a finding.
func FindingURL(id int64) string { return FindingsURL() + "/" + number(id) }

// AcknowledgeTogetherURL takes the reason why several findings may stay.
func AcknowledgeTogetherURL() string { return FindingsURL() + "/acknowledge" }

// AcknowledgeURL takes the reason why a finding may stay.
func AcknowledgeURL(id int64) string { return FindingURL(id) + "/acknowledge" }

// ReopenURL takes an acknowledgement back.
func ReopenURL(id int64) string { return FindingURL(id) + "/reopen" }

// RepairURL has the account of a finding pushed.
func RepairURL(id int64) string { return FindingURL(id) + "/repair" }

// FindingsPage lists findings, newest first.
type FindingsPage struct {
	Shell    Shell
	Groups   access.Page[access.FindingGroup] // where what they say is shown once
	Findings access.Page[access.Finding]
	Counts   access.FindingCounts // of what is open
	State    access.FindingState
	Kind     access.FindingKind // "" for all
	Account  string
	Group    string // of one group
	Search   string
	Cursor   string
	MayScan  bool

	MayManage bool
	Selection access.FindingSelection // all that matches
	Reason    string                  // as it was typed in
	Problem   string                  // why they could not be acknowledged
}

// Grouped reports whether what findings say is shown once for all accounts.
func (p FindingsPage) Grouped() bool { return p.Account == "" && p.Group == "" }

// groupURL shows each finding of a group.
func (p FindingsPage) groupURL(g access.FindingGroup) string {
	if g.Findings == 1 {
		return FindingURL(g.Newest.ID)
	}
	p.Group = g.Group
	return p.url(p.State, p.Kind, "")
}

// url is the address of the list with another filter.
func (p FindingsPage) url(state access.FindingState, kind access.FindingKind, cursor string) string {
	shown := string(state)
	if state == access.FindingOpen {
		shown = ""
	}
	return With(FindingsURL(), "state", shown, "kind", string(kind), "account", p.Account, "group", p.Group, "q", p.Search, "cursor", cursor)
}

func findingStateTabs(p FindingsPage) []Tab {
	tabs := make([]Tab, 0, 3)
	for _, s := range access.FindingStates() {
		tabs = append(tabs, Tab{Label: label(string(s)), URL: p.url(s, p.Kind, ""), Active: s == p.State})
	}
	return tabs
}

func findingKindTabs(p FindingsPage) []Tab {
	tabs := []Tab{{Label: "All kinds", URL: p.url(p.State, "", ""), Active: p.Kind == ""}}
	for _, k := range access.FindingKinds() {
		name := label(string(k))
		if n := p.Counts[k]; n > 0 && p.State == access.FindingOpen {
			name += " (" + Number(n) + ")"
		}
		tabs = append(tabs, Tab{Label: name, URL: p.url(p.State, k, ""), Active: p.Kind == k})
	}
	return tabs
}

func findingsEmpty(p FindingsPage) EmptyProps {
	switch {
	case p.Search != "" || !p.Grouped() || p.Kind != "":
		return EmptyProps{Icon: "check", Title: "Nothing like this was found", Text: "Choose another kind, or search for something else."}
	case p.State == access.FindingOpen:
		return EmptyProps{Icon: "check", Title: "Everything is as desired", Text: "The last scans found nothing in AWS that is not as it should be."}
	case p.State == access.FindingAcknowledged:
		return EmptyProps{Icon: "check", Title: "Nothing is acknowledged", Text: "An operator can say of a finding why it may stay."}
	default:
		return EmptyProps{Icon: "check", Title: "Nothing has been resolved yet", Text: "A finding that a later scan no longer sees is kept here."}
	}
}

// FindingPage is one finding with its documents.
type FindingPage struct {
	Shell     Shell
	Finding   access.Finding
	Lines     []iam.DiffLine // from live to desired
	Reason    string         // as it was typed in
	MayManage bool
	MayRepair bool
	Problems  Problems
}

// FindingTitle is the heading of a finding's page.
func FindingTitle(f access.Finding) string { return label(string(f.Kind)) + " in " + f.AccountName }

func (p FindingPage) document() string {
	if p.Finding.Live == "" {
		return ""
	}
	return iam.Pretty(p.Finding.Live)
}

func findingTone(f access.Finding) Tone {
	switch {
	case f.State() != access.FindingOpen:
		return Neutral
	case f.Kind == access.FindingDrift, f.Kind == access.FindingUnreachable:
		return Bad
	default:
		return Caution
	}
}

func findingStateTone(s access.FindingState) Tone {
	switch s {
	case access.FindingResolved:
		return Good
	case access.FindingAcknowledged:
		return Info
	default:
		return Caution
	}
}

// findingReason says the reason in words.
func findingReason(r access.FindingReason) string {
	switch r {
	case access.ReasonLeftOver:
		return "left over"
	case access.ReasonUnfit:
		return "cannot be written"
	case access.ReasonAllow:
		return "an Allow of others"
	case access.ReasonUniqueID:
		return "a deleted user or role"
	case access.ReasonNoUser:
		return "a mapped user who does not exist"
	case access.ReasonUnreadable:
		return "cannot be read"
	case access.ReasonKeptOut:
		return "a Deny for a removed user"
	default:
		return strings.ToLower(words(string(r)))
	}
}

func findingDocument(f access.Finding) string {
	if f.Resource.Name == "" {
		return "the account as a whole"
	}
	return f.Resource.String()
}
