package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestStrategies(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	if none := must[access.Strategy](t)(s.Strategy(ctx, access.DefaultStrategy)); none.Name != access.BuiltinStrategy || !none.Simple() {
		t.Errorf("without a saved default: %+v", none)
	}
	careful := must[access.Strategy](t)(s.SaveStrategy(ctx, access.Strategy{Name: "Careful", Default: true, Waves: []access.WaveRule{{Count: 1}}}, event("strategy.add", "")))
	quick := must[access.Strategy](t)(s.SaveStrategy(ctx, access.Strategy{Name: "Quick", Default: true}, event("strategy.add", "")))
	_, err := s.SaveStrategy(ctx, access.Strategy{Name: "QUICK"}, event("strategy.add", ""))
	wantKind(t, err, access.KindConflict, "of this name")
	if found := must[[]access.Strategy](t)(s.Strategies(ctx)); len(found) != 2 || found[0].Default || !found[1].Default {
		t.Errorf("saved are %+v, want the last one by default", found)
	}
	careful.MaxInFlight, careful.Default = 5, false
	careful = must[access.Strategy](t)(s.SaveStrategy(ctx, careful, event("strategy.edit", "")))
	stale := careful
	stale.Version--
	_, err = s.SaveStrategy(ctx, stale, event("strategy.edit", ""))
	wantKind(t, err, access.KindStale, "edited this strategy since")
	got := must[access.Strategy](t)(s.Strategy(ctx, careful.ID))
	diff(t, "strategy", careful, got)
	if err := s.RemoveStrategy(ctx, quick.ID, event("strategy.remove", "")); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.RemoveStrategy(ctx, quick.ID, event("strategy.remove", "")), access.KindNotFound, "no strategy")
	if d := must[access.Strategy](t)(s.Strategy(ctx, access.DefaultStrategy)); d.Name != access.BuiltinStrategy {
		t.Errorf("once the default is removed: %+v", d)
	}
}
