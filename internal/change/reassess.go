package change

import (
	"cmp"

	"portcullis.internal/portcullis/internal/access"
)

// reassess asks whether a change still has the approvals that it needs: approvals expire, reviewers lose roles, and
// review rules change. If it lacks some, it goes back into review. Then reassess returns the event to save and the
// reason why the change cannot be applied.
func (s *Service) reassess(c *access.Change, a application, needs []access.Need) (Application, error) {
	if a.alone {
		return Application{}, nil
	}
	expired := c.ExpireReviews(s.at())
	if !c.Reassess(needs, s.at()) {
		return Application{}, nil
	}
	detail := map[string]any{"needs": c.Needs, "missing": c.MissingText()}
	if len(expired) > 0 {
		detail["expired"] = approvalsOf(expired)
	}
	event := access.NewAuditEvent(access.System("change"), s.at(), "change.reopen", object(c.ID), detail)
	why := cmp.Or(c.ExpiredText(expired), "Reviewers or review rules have changed since.")
	return Application{Events: []access.AuditEvent{event}}, access.Errorf(access.KindConflict,
		"The change is no longer approved. %s It is back in review and lacks %s.", why, c.MissingText())
}

// expiredApproval is an expired approval as the audit log has it.
type expiredApproval struct {
	Reviewer int64  `json:"reviewer"`
	Name     string `json:"name"`
	At       string `json:"at"`
}

func approvalsOf(reviews []access.Review) []expiredApproval {
	out := make([]expiredApproval, len(reviews))
	for i, r := range reviews {
		out[i] = expiredApproval{r.Reviewer.ID, r.Reviewer.Name, r.At.UTC().Format("2006-01-02T15:04:05.999999Z07:00")}
	}
	return out
}
