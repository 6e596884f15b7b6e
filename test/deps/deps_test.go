package deps

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/architecture.md")

type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Name         string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// short is the import path within the module.
func (p pkg) short() string { return strings.TrimPrefix(p.ImportPath, module) }

func (p pkg) allTestImports() []string {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(p.TestImports), p.XTestImports...))))
}

func ours(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Name,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages; it looks in the wrong place", len(pkgs))
	}
	return pkgs
}

// find returns the row of a package in the table.
func find(path string) (folder, bool) {
	i := slices.IndexFunc(folders, func(f folder) bool { return f.path == path })
	if i < 0 {
		return folder{}, false
	}
	return folders[i], true
}

func TestImports(t *testing.T) {
	for _, p := range ours(t) {
		row, known := find(p.short())
		if !known {
			t.Errorf("%s has no row in folders: add one to rules_test.go, and run make generate", p.short())
			continue
		}
		for _, imported := range p.Imports {
			if why := refused(p.short(), row.may, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.short(), imported, why)
			}
		}
	}
}

// TestFoldersExist finds rows of packages that are gone.
func TestFoldersExist(t *testing.T) {
	there := map[string]bool{}
	for _, p := range ours(t) {
		there[p.short()] = true
	}
	for _, f := range folders {
		if !there[f.path] {
			t.Errorf("folders has a row for %s, which does not exist", f.path)
		}
		for _, may := range f.may {
			if may != anything && !there[may] {
				t.Errorf("%s may import %s, which does not exist", f.path, may)
			}
		}
	}
}

// TestPurePackagesReadNoClock parses the code of the pure packages: time.Time is a value,
// time.Now is the clock.
func TestPurePackagesReadNoClock(t *testing.T) {
	for _, p := range ours(t) {
		if !slices.Contains(pure, p.short()) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range clockCalls(file) {
				t.Errorf("%s/%s calls time.%s: a pure package gets the time as an argument", p.short(), name, call)
			}
		}
	}
}

// clockCalls lists the functions of package time that a file uses and that depend on the clock.
func clockCalls(file *ast.File) (calls []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, s.Sel.Name) {
				calls = append(calls, s.Sel.Name)
			}
		}
		return true
	})
	return calls
}

// TestClockCalls shows that TestPurePackagesReadNoClock can fail.
func TestClockCalls(t *testing.T) {
	const source = `package x; import "time"; func f() (time.Time, time.Duration) { return time.Now(), time.Since(time.Time{}) }`
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := clockCalls(file), []string{"Now", "Since"}; !slices.Equal(got, want) {
		t.Errorf("clockCalls: %v, want %v", got, want)
	}
}

// The table of docs/architecture.md is between these lines.
const (
	tableBegins = "<!-- Generated from test/deps by make generate. -->\n"
	tableEnds   = "<!-- End of the generated table. -->\n"
)

func TestArchitectureTable(t *testing.T) {
	const page = "../../docs/architecture.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegins)
	_, after, closed := strings.Cut(rest, tableEnds)
	if !found || !closed {
		t.Fatalf("%s has no place for the table: it must be between %q and %q", page, tableBegins, tableEnds)
	}
	want := before + tableBegins + table() + tableEnds + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is stale: run make generate", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| folder | holds | may import (of this module) |\n|---|---|---|\n")
	for _, f := range folders {
		may := make([]string, len(f.may))
		for i, m := range f.may {
			may[i] = "`" + strings.TrimPrefix(m, "internal/") + "`"
		}
		cell := strings.Join(may, ", ")
		switch {
		case slices.Contains(f.may, anything):
			cell = "everything"
		case len(f.may) == 0:
			cell = "–"
		}
		holds := f.holds
		if slices.Contains(pure, f.path) {
			holds += " (pure)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.path, holds, cell)
	}
	return b.String()
}

// refused says why a package may not import another, "" where it may.
func refused(by string, allowed []string, imported string) string {
	if rest, found := strings.CutPrefix(imported, module); found {
		if slices.Contains(allowed, anything) || slices.Contains(allowed, rest) {
			return ""
		}
		return "it may import " + orNothing(allowed) + " of this module"
	}
	if slices.Contains(pure, by) && impure.MatchString(imported) {
		return "it is pure: no clock, randomness, I/O, logging or context"
	}
	if slices.Contains(standardLibraryOnly, by) && strings.Contains(firstElement(imported), ".") {
		return "it keeps to the standard library"
	}
	for _, k := range keptTo {
		if k.what.MatchString(imported) && !slices.Contains(k.by, by) {
			return "only " + strings.Join(k.by, ", ") + " may"
		}
	}
	return ""
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func firstElement(importPath string) string {
	first, _, _ := strings.Cut(importPath, "/")
	return first
}

func TestTestImports(t *testing.T) {
	for _, p := range ours(t) {
		for _, imported := range p.allTestImports() {
			for _, k := range keptTo {
				allowed := slices.Concat(k.by, k.inTests)
				if k.what.MatchString(imported) && !slices.Contains(allowed, anything) && !slices.Contains(allowed, p.short()) {
					t.Errorf("the tests of %s import %s: only %s may", p.short(), imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, p := range ours(t) {
		if slices.Contains(noNames, p.Name) || slices.Contains(noNames, path.Base(p.ImportPath)) {
			t.Errorf("%s: the name %q says nothing about what is in the package", p.short(), path.Base(p.ImportPath))
		}
	}
}

// TestRefused shows that the rules can fail.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		by, imported string
		refused      bool
	}{
		{"internal/policy", "portcullis.internal/portcullis/internal/access", false},
		{"internal/policy", "portcullis.internal/portcullis/internal/store", true},
		{"internal/access", "portcullis.internal/portcullis/internal/policy", true},
		{"internal/access", "net/netip", false},
		{"internal/access", "go4.org/netipx", true},
		{"internal/store", "gorm.io/gorm", false},
		{"internal/change", "gorm.io/gorm", true},
		{"internal/rollout", "github.com/aws/aws-sdk-go-v2/service/iam", true},
		{"internal/aws", "github.com/aws/aws-sdk-go-v2/service/iam", false},
		{"internal/server", "github.com/labstack/echo/v4", true},
		{"internal/store", "testing", true},
		{"internal/server", "portcullis.internal/portcullis/web", false},
		{"internal/rollout", "portcullis.internal/portcullis/internal/policy", true},
		{"internal/policy", "context", true},
		{"internal/planning", "crypto/rand", true},
		{"internal/iam", "log/slog", true},
		{"internal/change", "context", false},
		{"internal/rollout", "net/http", true},
		{"internal/server", "go.opentelemetry.io/otel/trace", true},
		{"internal/telemetry", "portcullis.internal/portcullis/internal/aws", true},
		{"internal/judge", "portcullis.internal/portcullis/internal/access", true},
		{"internal/judge", "go4.org/netipx", true},
		{"internal/aws/sandbox", "portcullis.internal/portcullis/internal/judge", false},
		{"internal/aws/sandbox", "portcullis.internal/portcullis/internal/policy", true},
		{"web/api", "portcullis.internal/portcullis/web/pages", true},
		{"web/pages", "portcullis.internal/portcullis/web/api", true},
		{"web/transport", "portcullis.internal/portcullis/web/view", true},
		{"web/api", "github.com/a-h/templ", true},
	} {
		row, known := find(c.by)
		if !known {
			t.Fatalf("no row for %s", c.by)
		}
		got := refused(c.by, row.may, c.imported)
		if (got != "") != c.refused {
			t.Errorf("%s imports %s: refused %q, want refused %v", c.by, c.imported, got, c.refused)
		}
	}
}
