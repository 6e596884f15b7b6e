package scenario

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access/accesstest"
)

// FuzzScenario reads any file as a scenario. What can be read can be printed and read
// again, and rendering it never panics.
func FuzzScenario(f *testing.F) {
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"accounts":[{"id":"111122223333","tags":{"a":"\u00e9"}}],"mappings":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseScenario(data, "f")
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		for name, print := range map[string]func() ([]byte, error){"YAML": s.YAML, "JSON": s.JSON} {
			printed, err := print()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseScenario(printed, "f")
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, printed)
			}
			if diff := cmp.Diff(s, again, byValue); diff != "" {
				t.Fatalf("%s (-first +again)\n%s\n%s", name, diff, printed)
			}
		}
		if _, err := Render(s, "", accesstest.Now); err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}
