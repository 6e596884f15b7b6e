package pages

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// rowsEvery is the time between two reads of what is on the page beside the rollout
// itself. The status is sent at once: it comes with the update and costs no read. What is
// read is shared among all that watch the same page, so that their number costs nothing.
const (
	rowsEvery  = 500 * time.Millisecond
	partsEvery = 2 * time.Second // the waves, what went wrong, and the chart
)

// rolloutStream is one browser that watches one page of a rollout.
type rolloutStream struct {
	s     *rolloutPages
	c     echo.Context
	who   *transport.StreamReader
	out   transport.EventWriter
	page  view.RolloutPage
	sent  map[access.AccountID]access.Target // the rows as the browser has them
	parts map[string]string                  // the other parts, as the browser has them
	dirty bool                               // something happened since the rows were read
	stale bool                               // and since the other parts were read
	next  time.Time                          // when they may be read again
	heard time.Time                          // when something last happened
}

// streamRollout keeps a rollout's page up to date until the rollout has ended.
func (s *rolloutPages) streamRollout(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), transport.StreamLife)
	defer cancel()
	page, err := s.rolloutPage(c, actor, id)
	if err != nil {
		return err
	}
	updates, err := s.viewer.Watch(ctx, actor, id)
	if err != nil {
		return err
	}
	out, err := transport.NewEventWriter(c)
	if err != nil {
		return err
	}
	who := s.SessionReader(c, actor, authz.Read)
	defer who.Leave()
	stream := &rolloutStream{s: s, c: c, who: who, out: out, page: page, sent: map[access.AccountID]access.Target{}, parts: map[string]string{}}
	return stream.run(ctx, updates)
}

// run sends what changed until the rollout ends, the browser leaves, the stream's life is
// over or whoever reads it may not any more. None of these is an error of the request.
func (t *rolloutStream) run(ctx context.Context, updates <-chan access.Rollout) error {
	beat, rows := time.NewTicker(transport.StreamBeat), time.NewTicker(rowsEvery)
	defer beat.Stop()
	defer rows.Stop()
	err := t.begin(ctx)
	for err == nil && !view.RolloutEnded(t.page.Rollout) {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			err = t.out.Beat()
		case <-rows.C:
			if !t.who.Allowed(ctx) {
				return nil
			}
			err = t.sendRest(ctx)
		case rollout, open := <-updates:
			if !open || !t.who.Allowed(ctx) {
				return nil
			}
			err = t.update(ctx, rollout)
		}
	}
	if err == nil {
		err = t.end(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// begin sends everything: the page may be older than the stream. The buttons it leaves
// where the page offers the same already.
func (t *rolloutStream) begin(ctx context.Context) error {
	t.dirty, t.stale, t.heard = true, true, time.Now()
	if err := t.send(ctx, "status", view.RolloutStatus(t.page)); err != nil {
		return err
	}
	if t.c.QueryParam("offers") != t.page.Actions.Possible() {
		if err := t.send(ctx, "actions", view.RolloutButtons(t.page)); err != nil {
			return err
		}
	}
	return t.sendRest(ctx)
}

// update sends the status, and the buttons where others are possible now: a button that
// stays where it is can be pressed, and a reason that is being typed is not lost.
func (t *rolloutStream) update(ctx context.Context, rollout access.Rollout) error {
	before := t.page
	t.page = t.s.rolloutProps(t.c, t.who.Actor, rollout, before.RollBackWithin)
	t.page.Waves, t.page.Bad, t.page.Failures, t.page.ProgressSamples, t.page.Targets = before.Waves, before.Bad, before.Failures, before.ProgressSamples, before.Targets
	t.dirty, t.stale, t.heard = true, true, time.Now()
	if err := t.send(ctx, "status", view.RolloutStatus(t.page)); err != nil {
		return err
	}
	if before.Actions.Possible() == t.page.Actions.Possible() && before.Rollout.Wave == t.page.Rollout.Wave {
		return nil
	}
	return t.send(ctx, "actions", view.RolloutButtons(t.page))
}

// end sends the last rows, and tells the browser not to ask again.
func (t *rolloutStream) end(ctx context.Context) error {
	t.dirty, t.stale, t.next, t.heard = true, true, time.Time{}, time.Now()
	if err := t.sendRest(ctx); err != nil {
		return err
	}
	return t.out.Write("end", "ended")
}

// sendRest sends what is not as the browser has it, of all but the status and the
// buttons, if anything has happened.
func (t *rolloutStream) sendRest(ctx context.Context) error {
	if t.stale && !time.Now().Before(t.next) {
		t.stale, t.next = false, time.Now().Add(partsEvery)
		if err := t.sendParts(ctx); err != nil {
			return err
		}
	}
	if !t.dirty {
		return nil
	}
	t.dirty = false
	return t.sendRows(ctx)
}

// sendParts sends the waves, what went wrong and the chart where they have changed.
func (t *rolloutStream) sendParts(ctx context.Context) error {
	insight, err := t.s.viewer.RecentInsight(ctx, t.who.Actor, t.page.Rollout.ID, t.heard)
	if err != nil {
		return err
	}
	t.page.Waves, t.page.Bad, t.page.Failures, t.page.ProgressSamples = insight.Waves, insight.Bad, insight.Failures, insight.Samples
	for _, part := range []struct {
		event     string
		component templ.Component
	}{
		{"failures", view.RolloutFailures(t.page)}, {"waves", view.RolloutWaves(t.page)}, {"chart", view.RolloutChart(t.page)},
	} {
		var b strings.Builder
		if err := part.component.Render(ctx, &b); err != nil {
			return err
		}
		if have, sent := t.parts[part.event]; sent && have == b.String() {
			continue
		}
		t.parts[part.event] = b.String()
		if err := t.out.Write(part.event, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// sendRows sends the rows that are not as the browser has them. A list that is filtered
// is sent whole, since its rows come and go.
func (t *rolloutStream) sendRows(ctx context.Context) error {
	var err error
	if t.page.Targets, err = t.s.viewer.RecentTargets(ctx, t.who.Actor, t.page.Rollout.ID, targetQuery(t.page), t.heard); err != nil {
		return err
	}
	changed := t.changedRows()
	switch {
	case t.page.Filter.Any():
		return t.send(ctx, "table", view.TargetRows(t.page))
	case len(changed) == 0:
		return nil
	default:
		return t.send(ctx, "rows", templ.Join(changed...))
	}
}

func (t *rolloutStream) changedRows() []templ.Component {
	var changed []templ.Component
	for _, row := range t.page.Targets.Items {
		if t.sent[row.Account] != row {
			t.sent[row.Account] = row
			changed = append(changed, view.TargetRow(row, t.page.Now, true))
		}
	}
	return changed
}

// send renders a component into one event.
func (t *rolloutStream) send(ctx context.Context, event string, component templ.Component) error {
	var b strings.Builder
	if err := component.Render(ctx, &b); err != nil {
		return err
	}
	return t.out.Write(event, b.String())
}
