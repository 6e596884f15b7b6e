package change_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func (d *desk) strategy(s access.Strategy) access.Strategy {
	d.t.Helper()
	s, err := d.store.SaveStrategy(d.t.Context(), s, access.NewAuditEvent(access.System("test"), start, "strategy.add", "", nil))
	d.must(err)
	return s
}

func TestApplyGoesByTheChosenStrategy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	canary := access.WaveRule{Name: "Canary", Accounts: access.Selector{IDs: []access.AccountID{"222222222222"}}, MaxFailures: access.Limit{None: true}}
	d.strategy(access.Strategy{Name: "Careful", Default: true, MaxInFlight: 7, MaxFailures: access.Limit{Percent: 70}, Waves: []access.WaveRule{canary}})
	c := d.approve(d.submit("base", addList("al-office", "office", "198.51.100.0/24"), addMapping("mp-bob", "Bob", "office", "alice")))
	ctx := t.Context()
	if _, err := d.Apply(ctx, d.operator, c.ID, change.ApplyRequest{Digest: c.Digest, Strategy: "nothing like it"}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("an unknown strategy: %v, want KindInvalid", err)
	}
	r, err := d.Apply(ctx, d.operator, c.ID, asSeen(c))
	d.must(err)
	if r.Strategy != "Careful" || r.Waves != 2 || r.MaxInFlight != 7 || r.MaxFailures != 2 || r.Counts.Running != 1 {
		t.Errorf("by the default: %+v", r)
	}
	waves, err := d.store.Waves(ctx, r.ID)
	d.must(err)
	if waves[0].Name != "Canary" || waves[0].MaxFailures != access.NoFailures || waves[1].Targets != 2 {
		t.Errorf("waves %+v", waves)
	}
	if target, err := d.store.Target(ctx, r.ID, "222222222222"); err != nil || target.Position != 0 || target.Wave != 1 {
		t.Errorf("the canary is %+v (%v), want it first", target, err)
	}
	history, err := d.store.History(ctx, access.ChangeObject(c.ID))
	d.must(err)
	if said := string(history[len(history)-1].Detail); !strings.Contains(said, `"name":"Careful"`) {
		t.Errorf("the audit log does not say by which strategy: %s", said)
	}

	c = d.approve(d.submit("more", addEntry("al-office", "198.51.101.0/24")))
	r, err = d.Apply(ctx, d.operator, c.ID, change.ApplyRequest{Digest: c.Digest, Strategy: "all at once"})
	d.must(err)
	if r.Strategy != access.BuiltinStrategy || r.Waves != 1 {
		t.Errorf("all at once: %+v", r)
	}
}

func TestAScheduledChangeGoesByItsStrategy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.strategy(access.Strategy{Name: "Careful", Waves: []access.WaveRule{{Count: 1}}})
	c := d.approve(d.submit("grow", addEntry("al-office", "198.51.100.0/24")))
	_, err := d.Schedule(t.Context(), d.operator, c.ID, change.ScheduleRequest{
		Digest: c.Digest, At: start.Add(time.Hour), StartWithin: time.Hour, Strategy: "careful",
	})
	d.must(err)
	d.must(d.later(time.Hour + time.Minute).KeepTime(t.Context()))
	got := d.reread(c)
	r, err := d.store.Rollout(t.Context(), got.RolloutID)
	if err != nil || r.Strategy != "Careful" || r.Waves != 2 {
		t.Errorf("its rollout is %+v (%v)", r, err)
	}
}
