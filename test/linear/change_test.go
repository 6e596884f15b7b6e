package linear

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"portcullis.internal/portcullis/internal/access"
)

// unseen is a number or digest that no answer has shown yet.
const (
	unseen     = -1
	unseenText = "?"
)

// changeState is what the model knows of one change. change has digests of the model; digest is the one
// that the console shows. A change is composed if the console made it to remove entries that expire: its
// version may grow while it waits.
type changeState struct {
	change   access.Change
	digest   string
	composed bool
}

func (s changeState) exists() bool { return s.change.State != "" }

// key tells states apart.
func (s changeState) key() string {
	c := s.change
	text := fmt.Sprintf("%s v%d %q base %d revision %d digest %s %t", c.State, c.Version, c.Title, c.Base, c.Revision,
		s.digest, s.composed)
	for _, r := range c.Reviews {
		text += fmt.Sprintf(" %d:%s:%t", r.Reviewer.ID, r.Verdict, r.Void)
	}
	for _, e := range c.Editors {
		text += fmt.Sprintf(" e%d", e.ID)
	}
	return text
}

// changeModel is the model of one change.
var changeModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{changeState{}} },
	Step: func(state, input, output any) []any {
		var next []any
		for _, s := range state.(changeState).next(input.(call), output.(answer)) {
			next = append(next, s)
		}
		return next
	},
	Equal:             func(a, b any) bool { return a.(changeState).key() == b.(changeState).key() },
	DescribeOperation: describe,
	DescribeState:     func(s any) string { return s.(changeState).key() },
}

// next returns the states in which the change may be after a call with this answer.
func (s changeState) next(c call, a answer) []changeState {
	switch {
	case c.op == opPropose || c.op == opCompose:
		return s.begin(c, a)
	case !s.exists():
		return nil
	case c.op == opRead:
		return s.shown([]changeState{s}, a)
	}
	done := s.step(c, a)
	matches := c.match == 0 || c.match == s.change.Version || s.composed && s.change.State == access.ChangeExpiring
	switch {
	case a.unknown() && !matches:
		return []changeState{s}
	case a.unknown():
		return append(append(done, s.conflicted(c)...), s)
	case a.ok() && matches && (c.op == opApply || c.op == opExpire):
		return done // the answer is not the change
	case a.ok() && matches:
		return s.shown(done, a)
	case a.ok():
		return nil
	}
	return s.refused(c, a, done)
}

// refused returns the states after a refusal. done is what the domain allows.
func (s changeState) refused(c call, a answer, done []changeState) []changeState {
	switch a.status {
	case http.StatusPreconditionFailed:
		if c.match == 0 || c.match == s.change.Version {
			return nil
		}
	case http.StatusForbidden:
		if len(done) > 0 {
			return nil
		}
	case http.StatusConflict:
		return append(s.conflicted(c), s)
	}
	return []changeState{s}
}

// conflicted is the change after an apply that the console refused because others have moved the head.
func (s changeState) conflicted(c call) []changeState {
	if c.op != opApply {
		return nil
	}
	return s.after(func(ch *access.Change) error { return ch.Conflict("moved", anyTime) })
}

// begin makes the change. A composed change may have been altered before it was seen.
func (s changeState) begin(c call, a answer) []changeState {
	if s.exists() || !a.ok() {
		return nil
	}
	if c.op == opCompose {
		made := access.Change{ID: c.change, State: access.ChangeExpiring, Base: unseen}
		return []changeState{{change: made, digest: unseenText, composed: true}}
	}
	who := person(c.person)
	made := changeState{change: access.Change{
		ID: c.change, State: access.ChangeDraft, Author: who.Ref(), Base: a.base,
		Required: 1,
	}}
	if _, err := made.change.Compose(who, 0, c.title, "a reason", editsOf(c.title), anyTime); err != nil {
		return nil
	}
	return s.shown([]changeState{made}, a)
}

// shown keeps the states that look as the answer says, with everything that it tells.
func (s changeState) shown(states []changeState, a answer) []changeState {
	var kept []changeState
	for _, m := range states {
		c := &m.change
		waits := m.composed && c.State == access.ChangeExpiring
		sameVersion := c.Version == a.version || m.composed && c.Version <= a.version
		if string(c.State) != a.state || !sameVersion || !m.composed && c.Title != a.title {
			continue
		}
		c.Version, c.Title = a.version, a.title
		if !waits && (!agree(&c.Base, a.base) || !agree(&c.Revision, a.revision)) {
			continue
		}
		if !waits && m.digest != unseenText && m.digest != a.digest {
			continue
		}
		if !waits {
			m.digest, m.composed = a.digest, false
		}
		kept = append(kept, m)
	}
	return kept
}

// agree takes a number that was not seen before, and compares one that was.
func agree(known *int64, seen int64) bool {
	if *known == unseen {
		*known = seen
	}
	return *known == seen
}

// anyTime is the time of all steps. The model does not compare times.
var anyTime = time.Unix(1_700_000_000, 0).UTC()

func editsOf(title string) []access.Edit {
	return []access.Edit{{Op: access.EditRemoveEntry, ID: "al-model", Key: title}}
}

// person is an actor with all roles that a change needs.
func person(n int) access.Actor {
	return access.Actor{
		Kind: access.ActorPerson, PersonID: int64(n + 1), Name: fmt.Sprint("person ", n),
		Roles: []access.Role{access.RoleEditor, access.RoleApprover, access.RoleOperator, access.RoleAdmin},
	}
}

// after returns the change after a transition; nothing if the domain refuses it.
func (s changeState) after(transition func(*access.Change) error) []changeState {
	c := s.change
	c.Reviews, c.Editors = slices.Clone(c.Reviews), slices.Clone(c.Editors)
	if err := transition(&c); err != nil {
		return nil
	}
	s.change = c
	if c.Digest == "" && c.State != access.ChangeExpiring {
		s.digest = ""
	}
	return []changeState{s}
}

// step returns what the domain makes of the change.
func (s changeState) step(c call, a answer) []changeState {
	who := person(c.person)
	switch c.op {
	case opEdit:
		return s.after(func(ch *access.Change) error {
			_, err := ch.Compose(who, ch.Version, c.title, "a reason", editsOf(c.title), anyTime)
			return err
		})
	case opSubmit:
		return s.submit()
	case opApprove:
		return s.review(who, access.VerdictApprove, c.digest)
	case opReject:
		return s.review(who, access.VerdictReject, c.digest)
	case opRebase:
		return s.rebase(who)
	case opApply:
		return s.apply(c.digest, a)
	case opWithdraw:
		return s.after(func(ch *access.Change) error { return ch.Withdraw(who, anyTime) })
	case opExpire:
		return s.expire(a)
	default:
		panic("no such step: " + c.op)
	}
}

// submit freezes a plan that the model does not know, on a base that it does not know.
func (s changeState) submit() []changeState {
	done := s.after(func(ch *access.Change) error {
		ch.Base = unseen
		return ch.Submit("documents", anyTime)
	})
	for i := range done {
		done[i].digest = unseenText
	}
	return done
}

// digestOf is the model's digest for one that a client sends.
func (s changeState) digestOf(sent string) string {
	if sent == s.digest || s.digest == unseenText {
		return s.change.Digest
	}
	return "another"
}

const warnings = "warnings"

func (s changeState) review(who access.Actor, v access.Verdict, digest string) []changeState {
	return s.after(func(ch *access.Change) error {
		err := ch.Review(who, v, s.digestOf(digest), "a comment", anyTime)
		ch.SawWarnings(warnings)
		return err
	})
}

// rebase keeps the reviews of a submitted change if the head changes nothing for its reviewers, which the
// model does not know. Otherwise the change is a draft.
func (s changeState) rebase(who access.Actor) []changeState {
	draft := s.after(func(ch *access.Change) error { return ch.Rebase(who, unseen, ch.Edits, anyTime) })
	return append(s.moved(), draft...)
}

// moved is the submitted change on another base, with its reviews.
func (s changeState) moved() []changeState {
	return s.after(func(ch *access.Change) error {
		on := access.ChangeOnBase{Base: unseen, Edits: ch.Edits, Documents: ch.Documents, Warnings: warnings}
		_, err := ch.MoveBase(on, nil, anyTime)
		return err
	})
}

// apply makes the change a revision: on the base, or on a newer head to which it moves first.
func (s changeState) apply(digest string, a answer) []changeState {
	revision := a.revision
	if a.unknown() {
		revision = unseen
	}
	on := func(base changeState) []changeState {
		return base.after(func(ch *access.Change) error {
			return ch.Apply(base.digestOf(digest), revision, anyTime)
		})
	}
	var done []changeState
	if s.change.Base == unseen || revision == unseen || revision == s.change.Base+1 {
		done = on(s)
	}
	for _, m := range s.moved() {
		if m.change.Base = unseen; revision != unseen {
			m.change.Base = revision - 1
		}
		if s.change.Base != m.change.Base || m.change.Base == unseen {
			done = append(done, on(m)...)
		}
	}
	return done
}

// expire applies a composed change. Its version and its base are those of the next answer.
func (s changeState) expire(a answer) []changeState {
	if !s.composed || s.change.State != access.ChangeExpiring {
		return nil
	}
	s.change.State, s.change.Revision, s.change.Base = access.ChangeApplied, a.revision, unseen
	return []changeState{s}
}
