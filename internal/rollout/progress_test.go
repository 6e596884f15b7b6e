package rollout

import (
	"reflect"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestTargetsKeyTellsQueriesApart sets each field of a query: none may be left out of the
// key, or two questions would share an answer.
func TestTargetsKeyTellsQueriesApart(t *testing.T) {
	keys := map[targetsKey]string{
		newTargetsKey(1, access.TargetQuery{}): "nothing",
		newTargetsKey(2, access.TargetQuery{}): "another rollout",
	}
	add := func(name string, q access.TargetQuery) {
		k := newTargetsKey(1, q)
		if same, there := keys[k]; there {
			t.Errorf("%s and %s have the same key, %+v", name, same, k)
		}
		keys[k] = name
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[access.TargetQuery]()) {
		if f.Anonymous {
			continue
		}
		var q access.TargetQuery
		switch v := reflect.ValueOf(&q).Elem().FieldByIndex(f.Index); v.Kind() {
		case reflect.String:
			v.SetString("failed")
		case reflect.Int:
			v.SetInt(7)
		case reflect.Slice:
			v.Set(reflect.ValueOf([]access.TargetState{access.TargetFailed}))
		default:
			t.Fatalf("the test cannot set %s", f.Name)
		}
		add(f.Name, q)
	}
	add("two states", access.TargetQuery{States: []access.TargetState{access.TargetFailed, access.TargetConflict}})
}
