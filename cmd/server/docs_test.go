package main

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestSettingsAreDocumented goes through the command line as it is and looks every
// setting up in docs/config.md.
func TestSettingsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, env := range f.Envs {
				seen++
				if !strings.Contains(string(text), "`"+env+"`") {
					t.Errorf("docs/config.md says nothing of %s (--%s)", env, f.Name)
				}
				if !strings.Contains(string(text), "`--"+f.Name+"`") {
					t.Errorf("docs/config.md says nothing of --%s", f.Name)
				}
			}
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("found %d settings with a variable; the test looks in the wrong place", seen)
	}
}
