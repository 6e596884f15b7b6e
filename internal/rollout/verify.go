package rollout

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// The pace of reading back. The first look comes at once, since AWS mostly shows a write
// immediately (docs/aws-facts.md, "Eventual consistency").
const (
	verifyFirst = 250 * time.Millisecond
	verifyMost  = 5 * time.Second
)

// How many looks on end have to show the same. One is enough while nothing contradicts
// it. Once a look has shown something else, AWS has places that do not know of the write
// yet, and one look may meet a place that does and the next one that does not. A document
// that is neither the one before nor the one written is somebody else's edit, where AWS
// goes on showing it.
const (
	looksAfterLag = 2
	looksAtOther  = 3
)

// look is what reading a document back has shown so far.
type look struct {
	good   int  // looks on end that showed what was written
	other  int  // looks on end that showed the same document of somebody else
	lagged bool // a look has shown something else than what was written
	last   string
}

// saw notes what a look has shown.
func (l *look) saw(document string, asWritten, asBefore bool) {
	switch {
	case asWritten:
		l.good, l.other = l.good+1, 0
	case asBefore:
		l.good, l.other, l.lagged = 0, 0, true
	case document == l.last:
		l.good, l.other, l.lagged = 0, l.other+1, true
	default:
		l.good, l.other, l.lagged = 0, 1, true
	}
	l.last = document
}

func (l *look) stable() bool { return l.good >= looksAfterLag || l.good > 0 && !l.lagged }

// wasEdited reports whether somebody has put another document in place meanwhile.
func (l *look) wasEdited() bool { return l.other >= looksAtOther }

// verify reads what this push wrote until all of it is live and stays so, or patience
// ends. What was found written by an earlier claim was read already.
func (u *push) verify(ctx context.Context) error {
	end := time.Now().Add(u.cfg.Patience)
	for wait := verifyFirst; ; wait = backoff(wait, verifyMost) {
		unseen := u.unseen()
		if len(unseen) == 0 {
			return nil
		}
		err := u.lookAgain(ctx, unseen)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left := u.unseen()
		if len(left) == 0 {
			return nil
		}
		if left[0].looked.wasEdited() || time.Now().Add(wait).After(end) {
			return u.failUnverified(left[0], err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// unseen lists the steps that were written and not yet read back.
func (u *push) unseen() []*step { return those(u.steps, func(s *step) bool { return s.wrote }) }

// lookAgain reads the steps' documents once and ticks off those that mean what was
// written. Statements of others may have changed meanwhile; that is not ours to judge.
func (u *push) lookAgain(ctx context.Context, unseen []*step) error {
	resources := make([]access.Resource, len(unseen))
	for i, s := range unseen {
		resources[i] = s.op.Resource
	}
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, resources)
	if err != nil {
		return err
	}
	for i, s := range unseen {
		u.live[s.op.Resource], s.readAt = docs[i], asked
		s.looked.saw(u.shows(s, docs[i]))
		s.wrote = !s.looked.stable()
	}
	return nil
}

// shows tells what a look at a step's document has shown: mostly the document that was
// sent.
func (u *push) shows(s *step, live access.LiveDocument) (document string, asWritten, asBefore bool) {
	if live.Exists && sameOf(s.op, live.Document, s.document, u.ids) {
		return live.Document, true, false
	}
	op := s.op
	op.State = access.OperationWritten
	d := decide(op, live, u.ids)
	return live.Document, d.state == access.OperationWritten, d.write
}

// failUnverified ends a target whose writes AWS accepted and does not show. err is that of
// the last look. Throttled reads are waited out.
func (u *push) failUnverified(s *step, err error) error {
	if err != nil && u.worthWaiting(err) {
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	}
	r := u.unverified(s, err)
	u.refusal = &r
	return nil
}

// unverified says that AWS accepted a write and does not show it. err is that of the last look.
func (u *push) unverified(s *step, err error) refusal {
	r := refusal{
		class:   access.CloudUnknown,
		cause:   "AWS accepted a write of " + s.op.Resource.String() + " and shows another document",
		message: fmt.Sprintf("AWS accepted the write of %s but still shows another document after %s.", s.op.Resource, u.cfg.Patience),
		advice:  "Somebody may have edited the document just afterwards. Compare it with the plan and retry the target.",
	}
	if s.looked.wasEdited() {
		r.message = fmt.Sprintf("AWS accepted the write of %s, and now shows a document that is neither that nor the one before.", s.op.Resource)
	}
	if err != nil {
		r = newRefusal(err)
		r.message = "What was written could not be read back. " + r.message
	}
	return r
}
