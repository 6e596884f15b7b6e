package linear

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

var (
	runMutants = flag.Bool("linear-mutants", false, "demand that TestLinearizable finds broken consoles")
	tries      = flag.Int("linear-mutant-tries", 5, "how many runs a broken console may survive")
)

// mutant is one text of the console's code, and a text that breaks it. The model of the test stays as it is.
type mutant struct {
	name, file, from, to string
}

var mutants = []mutant{
	{
		"If-Match is ignored", "internal/change/step.go",
		"if s.bound && version != s.version {", "if s.bound && version < 0 {",
	},
	{
		"the row of a change is not locked", "internal/store/change.go",
		`return loadChange(tx.orm.Clauses(clause.Locking{Strength: "UPDATE"}), id)`,
		"_ = clause.Locking{}\n	return loadChange(tx.orm, id)",
	},
	{
		"an edit ignores the version", "internal/access/change_view.go",
		"if c.Version == version {", "if c.Version >= version {",
	},
	{
		"a withdrawn change is applied", "internal/access/change.go",
		"case c.State != ChangeApproved:\n		return c.refuse(\"applied\")",
		"case c.State == ChangeApplied:\n		return c.refuse(\"applied\")",
	},
	{
		"an apply on a newer head does not move the base", "internal/change/apply.go",
		"if c.Base != head && !a.alone {\n		var err error", "if c.Base > head && !a.alone {\n		var err error",
	},
}

// TestMutants runs TestLinearizable against consoles that are broken. It changes no file: the compiler gets
// the broken one by an overlay.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Skip("takes minutes: run it with -args -linear-mutants")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			binary := m.build(t)
			for n := range *tries {
				out, err := runAgainst(t, binary)
				switch {
				case err == nil:
					continue
				case !strings.Contains(out, "no order of these calls"):
					t.Fatalf("run %d ended in another way:\n%s", n+1, out)
				}
				t.Logf("run %d has found it", n+1)
				return
			}
			t.Errorf("%d runs have not found it", *tries)
		})
	}
}

// build compiles the broken console.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(harness.Root(), m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.from); n != 1 {
		t.Fatalf("%s has the text %d times, want once: adapt the mutant\n%s", m.file, n, m.from)
	}
	dir := t.TempDir()
	broken, overlay, binary := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json"),
		filepath.Join(dir, "portcullis")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		broken:  strings.Replace(string(text), m.from, m.to, 1),
		overlay: string(replace),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, "./cmd/server")
	cmd.Dir = harness.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the broken console: %v\n%s", err, out)
	}
	return binary
}

// runAgainst runs TestLinearizable against a console.
func runAgainst(t *testing.T, binary string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestLinearizable$", "-test.v",
		fmt.Sprintf("-linear-for=%s", *runFor))
	cmd.Env = append(os.Environ(), "PORTCULLIS_BIN="+binary)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
