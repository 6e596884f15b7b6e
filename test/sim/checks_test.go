package sim

import (
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// checker holds the rules that every schedule must keep.
type checker struct {
	s                *simulation
	read0, planned0  documents      // as planned
	read, planned    documents      // with the edits by others
	writes           map[place]bool // the plan writes them
	edits            []edit
	foreignSince     map[place][]foreignVersion
	lastWrite        map[place]written
	running, failing map[int64]int

	excused map[pair]mask // calls that an edit by others has opened
}

// foreignVersion is the part of others in a trust policy, from a time on.
type foreignVersion struct {
	since time.Time
	text  string
}

// written is the last write of ours to a document.
type written struct {
	document string
	rollout  int64
	edited   bool // others have edited our part since
}

// window is how long before a write an edit by others may be that the engine has not seen.
const window = time.Minute

func newChecker(s *simulation) *checker {
	c := &checker{
		s: s, foreignSince: map[place][]foreignVersion{}, lastWrite: map[place]written{},
		running: map[int64]int{}, failing: map[int64]int{}, excused: map[pair]mask{},
	}
	for _, p := range s.w.roles {
		c.noteForeign(p)
	}
	return c
}

func (c *checker) noteForeign(p place) {
	c.foreignSince[p] = append(c.foreignSince[p], foreignVersion{time.Now(), c.s.w.judge.split(c.s.cloud.docs[p]).foreign})
}

// plan begins to check against a plan: the documents now are those that it was read from.
func (c *checker) plan(plan access.Plan) {
	c.read0, c.planned0 = documents{}, documents{}
	for p, d := range c.s.cloud.docs {
		c.read0[p], c.planned0[p] = d, d
	}
	apply(c.planned0, plan)
	c.keepConflicts(plan)
	c.writes = map[place]bool{}
	for t := range plan.Targets() {
		for _, op := range t.Operations {
			c.writes[place{t.Account, op.Resource}] = true
		}
	}
	c.edits = nil
	c.read, c.planned = copied(c.read0), copied(c.planned0)
}

// keepConflicts takes back the planned user policies that others have edited before the plan was made: they end in
// conflict, and stay as others have edited them. That happens to the plan of a rollback, which is made of the
// documents that were written.
func (c *checker) keepConflicts(plan access.Plan) {
	for t := range plan.Targets() {
		for _, op := range t.Operations {
			p := place{t.Account, op.Resource}
			if op.Resource.Kind == access.ResourceUser && op.BeforeKnown && c.read0[p] != op.Before && c.read0[p] != op.After {
				c.planned0.put(p, c.read0[p])
			}
		}
	}
}

func copied(d documents) documents {
	out := make(documents, len(d))
	for p, text := range d {
		out[p] = text
	}
	return out
}

// own are the documents on a user's side.
func (c *checker) own(d documents, u place) []string {
	list := []string{d[u], c.s.w.other[u]}
	attached := d[u.attachments()]
	if attached == "" {
		return list
	}
	arns, _ := access.Attachments(attached)
	for _, arn := range arns {
		list = append(list, d[managedPolicy(u.account, arn)])
	}
	return list
}

// pair is a user and a role, by their numbers.
type pair struct{ user, role int }

// pairs lists the users and roles that a document decides on.
func (c *checker) pairs(p place) []pair {
	var found []pair
	for u := range c.s.w.users {
		for r := range c.s.w.roles {
			concerns := c.s.w.roles[r] == p
			switch p.resource.Kind {
			case access.ResourceUser, access.ResourceAttachments:
				concerns = c.s.w.users[u] == p.owner()
			case access.ResourcePolicy:
				concerns = c.s.w.users[u].account == p.account
			}
			if concerns {
				found = append(found, pair{u, r})
			}
		}
	}
	return found
}

// allowed are the calls that documents allow.
func (c *checker) allowed(d documents, p pair) mask {
	user, role := c.s.w.users[p.user], c.s.w.roles[p.role]
	if c.s.cloud.gone[user] || c.s.cloud.gone[role] {
		return 0
	}
	return c.s.w.judge.decide(p.user, p.role, d[role], c.own(d, user))
}

// write carries out a write of the engine that has reached AWS, and checks it.
func (s *simulation) write(p place, document string, sent time.Time, w *worker) error {
	if err := s.cloud.refuses(p, document); err != nil {
		if p.resource.Kind == access.ResourceUser && document == "" && access.CloudClassOf(err) == access.CloudGone {
			return nil // the policy is gone with its user
		}
		return err
	}
	s.check.overwrites(p, document, sent, w)
	pairs := s.check.pairs(p)
	before := make([]mask, len(pairs))
	for i, pr := range pairs {
		before[i] = s.check.allowed(s.cloud.docs, pr)
	}
	var lag time.Duration
	if !s.healed && s.IntN(1000) < s.faults.lag {
		lag = time.Duration(s.Int64N(int64(5 * time.Second)))
	}
	s.cloud.put(p, document, lag)
	s.check.lastWrite[p] = written{document: s.cloud.docs[p], rollout: w.job.rollout}
	s.check.replaced(p)
	if _, _, err := s.store.current(w.claim); err != nil {
		s.check.overtaken(p, document)
	}
	s.check.keepsForeign(p, sent)
	s.check.opens(p, pairs, before, sent)
	return nil
}

// opens checks the calls that are allowed after a write.
func (c *checker) opens(p place, pairs []pair, before []mask, sent time.Time) {
	for i, pr := range pairs {
		is := c.allowed(c.s.cloud.docs, pr)
		if is == 0 {
			continue
		}
		read := c.allowed(c.read, pr)
		c.excused[pr] &= is
		bad := is &^ (read | c.allowed(c.planned, pr) | c.excused[pr])
		if bad != 0 { // the write may have brought back what others removed since the last look
			c.excused[pr] |= bad & c.allowedWithoutLatest(p, pr, sent.Add(-window))
			bad &^= c.excused[pr]
		}
		if bad != 0 {
			c.report("opened by a write to a "+string(p.resource.Kind), p, pr, bad)
			return
		}
		if len(c.edits) == 0 {
			continue
		}
		if late := is &^ before[i] &^ read &^ c.excused[pr]; late != 0 && late&^c.allowed(c.recently(sent.Add(-window), p), pr) != 0 {
			c.report("opened over an edit older than the window by a write to a "+string(p.resource.Kind), p, pr, late)
			return
		}
	}
}

func (c *checker) report(kind string, p place, pr pair, calls mask) {
	user, role := c.s.w.users[pr.user], c.s.w.roles[pr.role]
	text := fmt.Sprintf("after the change of %s, %s may assume %s %s; neither read nor planned documents allow it",
		p, user, role, calls)
	for _, d := range []struct {
		name string
		documents
	}{{"AWS", c.s.cloud.docs}, {"read", c.read}, {"planned", c.planned}} {
		text += fmt.Sprintf("\n%s: %s\n%s, of the user: %q", d.name, d.documents[role], d.name, c.own(d.documents, user))
	}
	c.s.violate(kind, "%s", text)
}

// allowedWithoutLatest are the calls that the documents read or planned allow without the latest edits of one of them:
// those that the last look, at some time since then, has missed.
func (c *checker) allowedWithoutLatest(p place, pr pair, since time.Time) mask {
	var of []edit
	for _, e := range c.edits {
		if e.at == p {
			of = append(of, e)
		}
	}
	var calls mask
	for n := len(of) - 1; n >= 0 && of[n].when.After(since); n-- {
		for _, d := range []struct{ with, without documents }{{c.read, c.read0}, {c.planned, c.planned0}} {
			text := d.without[p]
			for _, e := range of[:n] {
				text = e.apply(text)
			}
			old := copied(d.with)
			old.put(p, text)
			calls |= c.allowed(old, pr)
		}
	}
	return calls
}

// recently are the planned documents with the edits since a time. A document that the plan writes is put into the
// statements of others as they are, so that edits of these count, whatever their age. For a write to a role, edits of
// the policies of users count as well: what others permit to users is not the console's to prevent.
func (c *checker) recently(since time.Time, p place) documents {
	d := copied(c.planned0)
	for _, e := range c.edits {
		permits := p.resource.Kind == access.ResourceRole && e.at.resource.Kind != access.ResourceRole
		if e.when.After(since) || !e.ours && c.writes[e.at] || permits {
			d.put(e.at, e.apply(d[e.at]))
		}
	}
	return d
}

// edited carries out an edit by others, in AWS and in the documents read and planned.
func (c *checker) edited(e edit) {
	docs := c.s.cloud.docs
	if c.s.cloud.gone[e.at] || e.apply(docs[e.at]) == docs[e.at] {
		return
	}
	c.s.cloud.put(e.at, e.apply(docs[e.at]), 0)
	c.s.note("another person edits %s and %s: %s", e.at, e.what, docs[e.at])
	if e.at.resource.Kind == access.ResourceRole {
		c.noteForeign(e.at)
	}
	c.noteEdit(e)
	for _, pr := range c.pairs(e.at) {
		is := c.allowed(docs, pr)
		c.excused[pr] &= is
		c.excused[pr] |= is &^ (c.allowed(c.read, pr) | c.allowed(c.planned, pr))
	}
}

// follow puts the edits of a document into the documents read and planned.
func (c *checker) follow(p place) {
	c.read.put(p, c.withEdits(c.read0[p], p))
	c.planned.put(p, c.withEdits(c.planned0[p], p))
}

func (c *checker) withEdits(d string, p place) string {
	for _, e := range c.edits {
		if e.at == p {
			d = e.apply(d)
		}
	}
	return d
}

// replaced forgets the edits of our part of a document, which a write of ours has replaced.
func (c *checker) replaced(p place) {
	was := len(c.edits)
	c.edits = slices.DeleteFunc(c.edits, func(e edit) bool { return e.at == p && e.ours })
	if len(c.edits) != was {
		c.follow(p)
	}
}

// overwrites checks that a write replaces no edit of our part by others, unless a person has decided so.
func (c *checker) overwrites(p place, document string, sent time.Time, w *worker) {
	old := slices.IndexFunc(c.edits, func(e edit) bool {
		return e.at == p && e.ours && !e.late &&
			e.when.Before(sent.Add(-window))
	})
	_, t, err := c.s.store.findTarget(w.job.rollout, w.job.account)
	if old < 0 || err != nil {
		return
	}
	i := slices.IndexFunc(t.ops, func(op access.Operation) bool { return op.Resource == p.resource })
	op := t.ops[i]
	live := c.part(op.Kind, c.s.cloud.docs[p])
	known := []string{c.read0[p], c.planned0[p], c.lastWrite[p].document, document}
	asKnown := slices.ContainsFunc(known, func(d string) bool { return c.part(op.Kind, d) == live })
	if !asKnown && op.Resolution.Choice != access.ConflictOverwrite && (op.BeforeKnown || live != "") {
		c.s.violate("an edit by others was overwritten", "%s had, for longer than %s:\n%s\nand is now\n%s", p, window,
			c.s.cloud.docs[p], document)
	}
}

// overtaken counts a write as an edit by others whose claim was lost while it was on the wire: a later
// claim may have written something else since. checkAttempt has seen that it was sent in time.
func (c *checker) overtaken(p place, document string) {
	put := func(string) string { return document }
	if p.resource.Kind == access.ResourceRole {
		put = func(d string) string { return append(foreign(d), ours(document)...).document() }
	}
	c.noteEdit(edit{at: p, when: time.Now(), ours: true, late: true, what: "a late write", apply: put})
}

// noteEdit puts an edit into the documents read and planned.
func (c *checker) noteEdit(e edit) {
	c.edits = append(c.edits, e)
	if last := c.lastWrite[e.at]; e.ours {
		last.edited = true
		c.lastWrite[e.at] = last
	}
	c.follow(e.at)
}

// keepsForeign checks that a write has kept the statements of others.
func (c *checker) keepsForeign(p place, sent time.Time) {
	if p.resource.Kind != access.ResourceRole {
		return
	}
	is := c.s.w.judge.split(c.s.cloud.docs[p]).foreign
	versions := c.foreignSince[p]
	for i, v := range slices.Backward(versions) {
		if v.text == is {
			if i < len(versions)-1 {
				c.noteForeign(p)
			}
			return
		}
		if v.since.Before(sent.Add(-window)) {
			break
		}
	}
	c.s.violate("statements of others were changed", "the write to %s left %s", p, is)
}

// checkAttempt checks an attempt to write before it is sent.
func (s *simulation) checkAttempt(w *worker, p place, document string) {
	if s.gate.isDead(w) {
		return
	}
	_, t, err := s.store.current(w.claim)
	if err != nil || t.until.Before(time.Now()) {
		s.violate("write after the claim was lost", "worker %d with claim %d of account %s sends %s", w.id,
			w.claim.Number, w.job.account, p)
		return
	}
	for _, op := range t.ops {
		if op.Resource == p.resource && op.State == access.OperationIntended && op.Written == document {
			return
		}
	}
	s.violate("write without an intent", "worker %d sends %s: %s", w.id, p, document)
}

// counts checks max in flight and the limit on failures after each effect on the store.
func (c *checker) counts() {
	for _, r := range c.s.store.rollouts {
		running := r.Counts.Running
		started := running > c.running[r.ID]
		c.running[r.ID] = running
		if started && running > r.Limit() {
			c.s.violate("too many in flight", "rollout %d has %d targets in flight, and %d may be", r.ID, running,
				r.Limit())
		}
		failing := r.Counts.Failed + r.Counts.Conflict - r.IgnoredFailures
		more := failing > c.failing[r.ID]
		c.failing[r.ID] = failing
		if r.MaxFailures != access.AnyFailures && more && failing > max(r.MaxFailures, 0)+1 {
			c.s.violate("too many failures", "rollout %d has %d failures, and %d may be", r.ID, failing,
				max(r.MaxFailures, 0))
		}
	}
}

// quiet checks the end: no target is left running, and the documents are as the targets say.
func (c *checker) quiet() {
	if problems := c.s.w.judge.problems; len(problems) > 0 {
		c.s.violate("a document cannot be read", "%s", problems[0])
	}
	for _, r := range c.s.store.rollouts {
		if r.State == access.RolloutRollingBack {
			c.s.violate("left running", "%s", c.s.state())
			return
		}
		for _, t := range r.targets {
			if !t.State.Ended() {
				c.s.violate("left running", "account %s is %s: %s", t.Account, t.State, c.s.state())
				return
			}
			c.endedTarget(r, t)
		}
	}
	c.reached(c.s.store.rollouts[len(c.s.store.rollouts)-1])
}

func (c *checker) endedTarget(r *modelRollout, t *modelTarget) {
	for _, op := range t.ops {
		p := place{t.Account, op.Resource}
		switch op.State {
		case access.OperationPlanned, access.OperationIntended:
			c.s.violate("an operation has no outcome", "%s of account %s, which is %s, is %s", op.Resource, t.Account,
				t.State, op.State)
		case access.OperationSkipped:
			if c.lastWrite[p].rollout == r.ID && op.Resolution.Choice == "" && !c.s.cloud.gone[p.owner()] {
				c.s.violate("an operation was written and ended as skipped", "%s: %s", p, op.Message)
			}
		case access.OperationWritten:
			last := c.lastWrite[p]
			if c.s.cloud.gone[p.owner()] {
				continue
			}
			if last.rollout == r.ID && !last.edited && c.part(op.Kind, op.Written) != c.part(op.Kind,
				c.s.cloud.docs[p]) {
				c.s.violate("a document is not as its operation says", "%s is written as\n%s\nand AWS has\n%s", p,
					op.Written, c.s.cloud.docs[p])
			}
		}
	}
}

// part is the part of a document that is ours.
func (c *checker) part(kind access.OperationKind, d string) string {
	switch kind {
	case access.OpTrustPolicy:
		return c.s.w.judge.split(d).ours
	case access.OpAttachments:
		arns, _ := access.Attachments(d)
		mine, _ := access.UserSideAttachments(arns)
		return access.AttachmentsDocument(mine)
	default:
		return d
	}
}

// reached checks that a rollout whose targets have all succeeded has brought the planned documents.
func (c *checker) reached(r *modelRollout) {
	if len(c.edits) > 0 || r.Counts.Succeeded+r.Counts.Unchanged != r.Counts.Total() {
		return
	}
	for u := range c.s.w.users {
		for role := range c.s.w.roles {
			pr := pair{u, role}
			if is, planned := c.allowed(c.s.cloud.docs, pr), c.allowed(c.planned, pr); is != planned {
				c.report("the documents are not as planned after a success", c.s.w.roles[role], pr, is^planned)
				return
			}
		}
	}
}
