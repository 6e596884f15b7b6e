package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// A user policy opens roles to its user, and the trust policies of these roles restrict the user to the allowlist. A
// push may write many documents, and AWS may throttle each of them, so a trust policy may be edited long after it was
// written and before the user policy is.

// openedFor is how long a push relies on a reading of a trust policy before it writes a user policy that opens the
// role.
const openedFor = time.Minute

// lookAtOpened reads the trust policies of other accounts that the user policies open, and notes which roles stay out.
func (u *push) lookAtOpened(ctx context.Context) error {
	for i := range u.steps {
		s := &u.steps[i]
		var look []*openedRole
		for n := range s.opened {
			o := &s.opened[n]
			switch {
			case o.own != nil:
			case u.claim.Rollout.OpensUnverified(o.Account):
				o.accepted = true
			case o.dep == nil && o.Basis == "": // the documents that were read for the plan allow it
			case o.dep == nil || o.dep.Good():
				look = append(look, o)
			case !o.dep.Visited():
				o.held = true
				u.noteRunning(*o.dep)
			default:
				o.held, o.why = true, notSet(*o.dep)
			}
		}
		if err := u.readOpened(ctx, s, look); err != nil {
			return err
		}
	}
	return nil
}

func notSet(d access.DependencyState) string {
	return fmt.Sprintf("its trust policy was not set there (%s)", d.Operation)
}

// readOpened reads roles in other accounts, and notes which of them stay out.
func (u *push) readOpened(ctx context.Context, s *step, roles []*openedRole) error {
	if len(roles) == 0 {
		return nil
	}
	byAccount := map[access.AccountID][]*openedRole{}
	for _, o := range roles {
		byAccount[o.Account] = append(byAccount[o.Account], o)
	}
	asked := time.Now()
	accounts := slices.Sorted(maps.Keys(byAccount))
	failed := make([]error, len(accounts))
	u.eachAtOnce(len(accounts), func(i int) {
		failed[i] = u.readOpenedIn(ctx, s, accounts[i], byAccount[accounts[i]])
	})
	if err := context.Cause(ctx); err != nil {
		return err
	}
	s.openedAt = asked
	return firstSnooze(failed)
}

// eachAtOnce calls read with the numbers below n, some at the same time.
func (u *push) eachAtOnce(n int, read func(int)) {
	workers := min(n, u.cfg.ReadAtOnce)
	if workers <= 1 {
		for i := range n {
			read(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				read(int(i))
			}
		})
	}
	all.Wait()
}

// firstSnooze returns the error after which the push goes on soonest.
func firstSnooze(failed []error) error {
	var first error
	var soonest *SnoozeError
	for _, err := range failed {
		var later *SnoozeError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &later):
			return err
		}
		if soonest == nil || later.After < soonest.After {
			first, soonest = err, later
		}
	}
	return first
}

func (u *push) readOpenedIn(ctx context.Context, s *step, account access.AccountID, roles []*openedRole) error {
	resources := make([]access.Resource, len(roles))
	for i, o := range roles {
		resources[i] = o.Resource()
	}
	docs, err := u.cfg.Cloud.Read(ctx, u.scopeIn(account), resources)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && u.worthWaiting(err):
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	case err != nil:
		for _, o := range roles {
			o.held, o.why = true, "its trust policy could not be read. "+newRefusal(err).message
		}
		return nil
	}
	for i, o := range roles {
		o.why = u.whyClosed(s, o, docs[i])
		o.held = o.why != ""
	}
	return nil
}

// whyClosed says why a role must not be opened to a user, given its live trust policy; "" where it may be.
func (u *push) whyClosed(s *step, o *openedRole, live access.LiveDocument) string {
	user := access.UserName{Account: u.claim.Account.ID, Path: s.op.Resource.Path, Name: s.op.Resource.Name}
	admits := live.Exists && iam.MayAdmit(live.Document, o.Account, user, u.partition(), u.live[s.op.Resource].ID) != iam.AdmitsNot
	switch {
	case o.dep != nil && !live.Exists:
		return "the role does not exist any more"
	case o.dep != nil && leftByOurs(access.OpTrustPolicy, o.dep.Document, live.Document, nil):
		return ""
	case o.dep != nil:
		return "its trust policy was edited since the rollout wrote it"
	case !admits:
		return ""
	case o.Document != "" && !o.Basis.NeedsOverride() && access.DocumentDigest(live.Document) == o.Document:
		return ""
	case o.Basis == access.BasisInPlace || o.Basis == access.BasisHarmless:
		return "its trust policy was edited since the plan was made"
	default:
		return "the rollout does not write its trust policy, which may admit the user from anywhere"
	}
}

// checkOpened makes sure, just before a user policy is written, that it opens only roles whose trust policies were
// verified, and were seen within the last minute. It cuts the user policy down to these. done is true where the user
// policy must not be written now, or has become another one.
func (u *push) checkOpened(ctx context.Context, s *step) (done bool, err error) {
	if len(s.opened) == 0 {
		return false, nil
	}
	if err := u.verifyOwn(ctx, s); err != nil {
		return false, err
	}
	if time.Since(s.openedAt) > openedFor {
		if err := u.readOpened(ctx, s, s.othersOpened()); err != nil {
			return false, err
		}
	}
	changed, err := u.cut(s)
	deferred := s.deferred
	s.deferred = false
	switch {
	case err != nil:
		return false, err
	case changed:
		again, err := u.decideAgain(ctx, s)
		return !again, err
	case deferred:
		return false, u.intendTo(ctx, []*step{s})
	default:
		return false, nil
	}
}

// waitsForOwn reports whether the form of a user policy depends on a trust policy that this push has yet to write.
func (s *step) waitsForOwn() bool {
	return slices.ContainsFunc(s.opened, func(o openedRole) bool { return o.own != nil && o.own.write })
}

// othersOpened are the roles of other accounts that are to be opened, and that a reading must prove.
func (s *step) othersOpened() []*openedRole {
	var others []*openedRole
	for n := range s.opened {
		if o := &s.opened[n]; o.own == nil && !o.held && !o.accepted && (o.dep != nil || o.Basis != "") {
			others = append(others, o)
		}
	}
	return others
}

// stale reports whether a reading on which a user policy relies is too old by now.
func (s *step) stale() bool {
	return len(s.othersOpened()) > 0 && time.Since(s.openedAt) > openedFor || len(s.ownUnseen()) > 0
}

// ownUnseen are the steps of this push that write trust policies which a user policy opens, and which were not read
// back, or not within the last minute.
func (s *step) ownUnseen() []*step {
	var unseen []*step
	for n := range s.opened {
		t := s.opened[n].own
		if t == nil || t.unproved != "" || s.opened[n].held || t.state != access.OperationWritten && t.state != access.OperationUnchanged {
			continue
		}
		if t.wrote || time.Since(t.readAt) > openedFor {
			unseen = append(unseen, t)
		}
	}
	return unseen
}

// verifyOwn reads back the trust policies of this account that a user policy opens. A trust policy that was edited
// meanwhile keeps its role out.
func (u *push) verifyOwn(ctx context.Context, s *step) error {
	end := time.Now().Add(u.cfg.Patience)
	for wait := verifyFirst; ; wait = backoff(wait, verifyMost) {
		unseen := s.ownUnseen()
		if len(unseen) == 0 {
			return nil
		}
		err := u.lookAgain(ctx, unseen)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && u.worthWaiting(err):
			return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
		}
		left := s.ownUnseen()
		if len(left) == 0 {
			return nil
		}
		if err != nil || left[0].looked.wasEdited() || time.Now().Add(wait).After(end) {
			left[0].cannotProve(err)
			continue
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// cannotProve notes that a trust policy is not known to be as this push left it. What this push wrote is read back
// once more at the end.
func (s *step) cannotProve(err error) {
	s.wrote = s.wrote && s.sent
	s.unproved = "its trust policy is no longer as this push left it"
	if err != nil {
		s.unproved = "its trust policy could not be read once more. " + newRefusal(err).message
	}
}
