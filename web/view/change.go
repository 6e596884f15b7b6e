package view

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// ChangePage is everything a reviewer needs to decide, and what they may do about it.
type ChangePage struct {
	Shell   Shell
	Change  access.Change
	Diff    policy.StateDiff
	Impact  policy.Impact
	Issues  []policy.Issue
	Cleared []policy.Issue // what goes away by it

	LeftBehind []access.Account // would be written to, but are gone and keep documents

	Targets  int // accounts of the plan
	Writes   int // operations of the plan
	Folded   []access.FoldedOperation
	Requires int // the document whose requirements are all listed, counted from 1; 0 for none
	Fold     int // of which all accounts are shown, counted from 1; 0 for none
	From     int // the first of them on this page
	Since    access.ChangedSince
	Warnings string // the digest of what the page warns of
	Problem  string // why the edits cannot be planned
	Fields   []access.FieldError
	History  []access.AuditEvent
	Own      []string // the reader's own stake
	May      access.ChangePermissions
	Rollout  *access.Rollout
	Computed time.Time
	All      bool // long lists are shown whole

	Guards     []access.Guard // what would lock people out
	Needs      []access.NeedStatus
	Comments   []access.Comment
	Rules      []access.RuleChange
	Settings   []access.SettingChange
	Names      map[string]string // of the allowlists and mappings in the scopes of Rules, by id
	Allowlists []string          // names to choose from when entries are added
	Strategies []access.StrategyChange
	ApplyBy    []Option // the strategies to apply it by

	DefaultStrategy *access.SettingChange // nil if it stays

	FourEyes access.FourEyes
	OneGroup string // why it cannot be approved

	Form     ChangeForm
	Problems Problems // of the form that failed
}

// ChangeForm is what was typed on the page: kept when a form fails.
type ChangeForm struct {
	Title     string
	Reason    string
	Comment   string
	Body      string // of a comment on the change
	Alone     string // why it is applied alone
	Allowlist string
	Lines     string

	ScheduleAt  string
	StartWithin string
	Strategy    string
}

// ChangeTitle names a change for people.
func ChangeTitle(c access.Change) string { return "#" + number(c.ID) + " " + changeTitle(c) }

// approvals says how many of the needed approvals there are, while that matters.
func approvals(c access.Change) string {
	switch c.State {
	case access.ChangeInReview, access.ChangeApproved:
		return Number(c.Approvals()) + " of " + Number(max(c.Required, 1))
	default:
		return ""
	}
}

// nextStep says in one sentence what has to happen next, and by whom.
func nextStep(c access.Change) string {
	switch c.State {
	case access.ChangeDraft:
		return "Not submitted yet. Nothing happens before somebody else has approved it and an operator has applied it."
	case access.ChangeInReview:
		return "It needs " + c.MissingText() + ". The author, " + c.Author.Name + ", never counts."
	case access.ChangeApproved:
		if c.Scheduled() {
			return "The console applies it at its time."
		}
		return "An operator applies it."
	case access.ChangeExpiring:
		return "It waits for its entries to expire."
	case access.ChangeConflicted:
		return "The desired state has moved on: it has to be rebased and submitted again."
	default:
		return ""
	}
}

// editTitle says what an edit does, for people.
func editTitle(e access.Edit, ous *access.OUs) string {
	switch e.Op {
	case access.EditAddAllowlist:
		return "New allowlist " + allowlistName(e)
	case access.EditUpdateAllowlist:
		return "Name and description of allowlist " + allowlistName(e)
	case access.EditRemoveAllowlist:
		return "Remove an allowlist"
	case access.EditAddEntry:
		return "Add " + e.Entry.Key()
	case access.EditUpdateEntry:
		return "Change the note or expiry of " + e.Entry.Key()
	case access.EditRemoveEntry:
		return "Remove " + e.Key
	case access.EditAddMapping:
		return "New mapping: " + ous.Title(*e.Mapping)
	case access.EditUpdateMapping:
		return "Change the mapping: " + ous.Title(*e.Mapping)
	case access.EditRemoveMapping:
		return "Remove a mapping"
	case access.EditAddRule:
		return "New review rule: " + e.Rule.Name
	case access.EditUpdateRule:
		return "Change the review rule: " + e.Rule.Name
	case access.EditRemoveRule:
		return "Remove a review rule"
	case access.EditUpdateSettings:
		return "Change the settings"
	case access.EditAddStrategy:
		return "New strategy: " + e.Strategy.Name
	case access.EditUpdateStrategy:
		return "Change the strategy: " + e.Strategy.Name
	case access.EditRemoveStrategy:
		return "Remove a strategy"
	case access.EditDefaultStrategy:
		return "Choose the default strategy"
	default:
		return string(e.Op)
	}
}

func allowlistName(e access.Edit) string {
	if e.Allowlist == nil {
		return ""
	}
	return e.Allowlist.Name
}

// accountsText names the accounts of a folded document: the first few, and how many more.
func accountsText(targets []access.PlannedTarget) string {
	if len(targets) == 1 {
		return targets[0].AccountName
	}
	return Count(len(targets), "account")
}

// auditWords says what an event of a change's history was.
func auditWords(action string) string {
	if said, ok := actionWords[action]; ok {
		return said
	}
	return action
}

var actionWords = map[string]string{
	"change.draft":           "began the change",
	"change.edit":            "edited it",
	"change.submit":          "submitted it for review",
	"change.approve":         "approved it",
	"change.reject":          "rejected it",
	"change.withdraw":        "withdrew it",
	"change.withdraw_review": "took an approval back",
	"change.rebase":          "rebased it on a newer revision",
	"change.reviews_kept":    "kept its reviews, because nothing that they were about differs on the newer revision",
	"change.conflict":        "marked it as conflicted",
	"change.apply":           "applied it",
	"change.reopen":          "put it back into review: reviewers or rules have changed",
	"change.override_guard":  "overrode a lock-out guard",
	"change.comment":         "commented on it",

	"change.schedule":         "scheduled it",
	"change.unschedule":       "cancelled its schedule",
	"change.schedule_missed":  "did not apply it at its time",
	"change.compose_expiry":   "composed it ahead of the expiry",
	"change.recompose_expiry": "brought it in line with what expires",
	"change.lapse":            "took it back: nothing is left to expire",
	"change.expire":           "removed what had expired",
	"change.expired":          "removed an entry that expired as set here",

	"change.roll_back":   "composed it as the way back of a rollout",
	"change.break_glass": "broke the glass and applied it alone",
}

// maxShown bounds the long lists of the page; the rest is a link away.
const maxShown = 200

// editing reports whether the page shows the form of title and reason.
func (p ChangePage) editing() bool {
	return p.May.Edit == nil && (p.Change.State == access.ChangeDraft || p.Change.State == access.ChangeConflicted)
}

// hurdle is why the reader cannot take the step that comes next; nil when they can.
func (p ChangePage) hurdle() error {
	switch p.Change.State {
	case access.ChangeDraft:
		return p.May.Submit
	case access.ChangeInReview:
		return p.May.Review
	case access.ChangeApproved:
		return p.May.Apply
	case access.ChangeConflicted:
		return p.May.Rebase
	default:
		return nil
	}
}
