package policy

import (
	"testing"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
)

// TestSelectionsAreTheSelectors: whatever the shortcuts, a selection holds the accounts
// that the selector matches, and no others.
func TestSelectionsAreTheSelectors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := func(label string) []string {
			return rapid.SliceOfN(rapid.SampledFrom([]string{"111111111111", "222222222222", "333333333333", "999999999999", "111111111111"}), 1, 4).Draw(t, label)
		}
		var s access.Selector
		switch rapid.IntRange(0, 3).Draw(t, "way") {
		case 0:
			s.All = true
		case 1:
			for _, id := range ids("ids") {
				s.IDs = append(s.IDs, access.AccountID(id))
			}
		case 2:
			s.OUs = []string{rapid.SampledFrom([]string{"Root", "Root/Prod", "Root/Pro"}).Draw(t, "ou")}
		default:
			s.Tags = map[string]string{"env": rapid.SampledFrom([]string{"prod", "dev", ""}).Draw(t, "tag")}
		}
		if rapid.Bool().Draw(t, "except") {
			s.Except = append(ids("except"), rapid.SampledFrom([]string{"Root/Prod/Payments", "Root/Dev"}).Draw(t, "except OU"))[1:]
		}
		c := mustCompiler(t, inputOf(access.State{}))
		got := c.selectors.resolve(s)
		n := 0
		for i, a := range c.accounts {
			if s.Matches(a) {
				n++
			}
			if got.has(i) != s.Matches(a) {
				t.Fatalf("%s: has(%s) = %v", s, a.ID, got.has(i))
			}
		}
		if len(got.accounts) != n {
			t.Fatalf("%s: %d accounts, want %d", s, len(got.accounts), n)
		}
	})
}
