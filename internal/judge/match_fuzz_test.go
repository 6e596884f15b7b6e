package judge

import (
	"path"
	"strings"
	"testing"
)

// The matcher agrees with path.Match wherever both know the pattern.
func FuzzWild(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "axxbyc"}, {"*", ""}, {"**a", "ba"}, {"a*a*a", "aa"}, {"?", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.ContainsAny(pattern, "[]\\/\x01\x02") || strings.Contains(text, "/") || !ascii(pattern+text) {
			t.Skip("not the same language")
		}
		want, err := path.Match(pattern, text)
		if err != nil {
			t.Skip(err)
		}
		if got := wild(pattern, text); got != want {
			t.Errorf("wild(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
