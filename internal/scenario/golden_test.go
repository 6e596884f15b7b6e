package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access/accesstest"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestGolden renders every scenario in testdata/scenarios and compares it with the file
// next to it: NAME.json for the documents, NAME.error for a refusal.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".json"
			got, err := renderFile(data, filepath.Base(file))
			if err != nil {
				golden = strings.TrimSuffix(file, ".yaml") + ".error"
				got = []byte(err.Error() + "\n")
			}
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v\ngot: %s\nrun go test ./internal/scenario -run TestGolden -update and read what it writes", err, got)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func renderFile(data []byte, name string) ([]byte, error) {
	s, err := ParseScenario(data, name)
	if err != nil {
		return nil, err
	}
	return Render(s, "", accesstest.Now)
}
