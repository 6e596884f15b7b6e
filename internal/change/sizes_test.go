package change_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

func TestSizesOfWhatDependsOnAnAllowlist(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("One that nothing uses", addList("al-idle", "idle", "9.9.9.0/24"))
	sizesOf := func(id string) []policy.RoleSize {
		t.Helper()
		list, err := d.Allowlist(t.Context(), d.viewer, id, access.PageQuery{})
		d.must(err)
		return list.Sizes
	}
	sizes := sizesOf("al-office")
	if len(sizes) != 1 || sizes[0].Role.Name != "Bob" || sizes[0].Reached != 3 || sizes[0].Looked != 3 {
		t.Fatalf("%+v, want Bob in three accounts", sizes)
	}
	plan, err := d.Plan(t.Context(), d.viewer, 1)
	d.must(err)
	want := 0
	for _, op := range plan.Target(0).Operations {
		if op.Resource.Name == "Bob" {
			want = op.Size
		}
	}
	if sizes[0].Size != want || sizes[0].Limit != access.DefaultTrustPolicyQuota {
		t.Errorf("%d of %d, want the %d of what was pushed", sizes[0].Size, sizes[0].Limit, want)
	}
	if none := sizesOf("al-idle"); len(none) != 0 {
		t.Errorf("of a list that nothing uses: %v, want nothing", none)
	}
	if _, err := d.Allowlist(t.Context(), access.Actor{}, "al-office", access.PageQuery{}); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("as nobody: %v, want KindUnauthenticated", err)
	}
}
