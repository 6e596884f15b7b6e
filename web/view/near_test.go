package view

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/iam"
)

func TestNearChanges(t *testing.T) {
	lines := func(text string) []iam.DiffLine {
		var out []iam.DiffLine
		for i, op := range []byte(text) {
			out = append(out, iam.DiffLine{Op: op, Text: string(rune('a' + i%26))})
		}
		return out
	}
	for text, want := range map[string]string{
		"":                              "",
		"          ":                    "          ",
		"          +          ":         "@    +    @",
		"   -     +":                    "   -     +",
		"+        -            -":       "+        -    @    -",
		"                    ++       ": "@    ++    @",
	} {
		var got strings.Builder
		for _, l := range nearChanges(lines(text)) {
			got.WriteByte(l.Op)
		}
		if d := cmp.Diff(want, got.String()); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}
