package sim

import (
	"fmt"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// lazy is a text that is worked out only when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

// note adds a line to the trace, if one is wanted.
func (s *simulation) note(format string, args ...any) {
	if !s.tracing {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = append(s.trace, fmt.Sprintf("%10.3fs  ", time.Since(s.begun).Seconds())+fmt.Sprintf(format, args...))
}

func (s *simulation) noteCall(c *call, outcome string) {
	if s.tracing {
		s.note("worker %d (%s, claim %d) %s %s: %s", c.worker.id, short(c.worker.job.account), c.worker.claim.Number,
			c.name, c.about, outcome)
	}
}

// violate notes the first rule that is broken. The schedule ends there.
func (s *simulation) violate(kind, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.violation == nil {
		s.violation = &violation{seed: s.seed, kind: kind, text: fmt.Sprintf(format, args...)}
	}
}

func answerText(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// short is the beginning of an account's id.
func short(id access.AccountID) string { return string(id[:4]) }

func (s *simulation) aboutIntents(c access.Claim, intents []access.Intent) string {
	if !s.tracing {
		return ""
	}
	var names []string
	for _, in := range intents {
		for _, op := range c.Operations {
			if op.ID == in.OperationID {
				names = append(names, op.Resource.String())
			}
		}
	}
	return strings.Join(names, ", ")
}

func (s *simulation) aboutRead(account access.AccountID, resources []access.Resource) string {
	if !s.tracing {
		return ""
	}
	names := make([]string, len(resources))
	for i, r := range resources {
		names[i] = r.String()
	}
	return short(account) + ": " + strings.Join(names, ", ")
}

func (s *simulation) aboutWrite(p place, document string) string {
	if !s.tracing {
		return ""
	}
	return p.String() + " " + summary(document)
}

// summary shows a document of ours in few words: the Sids of our statements, or the document.
func summary(document string) string {
	if document == "" {
		return "(deletion)"
	}
	return document
}

// describe begins the trace with the organization and the plan.
func (s *simulation) describe(r access.Rollout, st access.Strategy) {
	if !s.tracing {
		return
	}
	s.note("max in flight %d, max failures %d, %d wave rules, faults %+v", r.MaxInFlight, r.MaxFailures,
		len(st.Waves), s.faults)
	for _, p := range s.w.roles {
		s.note("%s trusts %s", p, s.w.read[p])
	}
	for _, p := range s.w.users {
		s.note("%s has %q, other permissions %q, attached %q", p, s.w.read[p], s.w.other[p], s.w.read[p.attachments()])
	}
	for t := range s.w.plan.Targets() {
		for _, op := range t.Operations {
			s.note("plan: %s %s: %s", short(t.Account), op.Kind, place{t.Account, op.Resource})
			s.note("        %s", op.After)
		}
	}
}
