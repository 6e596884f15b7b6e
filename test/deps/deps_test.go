package deps

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath   string
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
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Imports,TestImports,XTestImports", "./...")
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

func TestImports(t *testing.T) {
	for _, p := range ours(t) {
		allowed, known := mayImport[p.short()]
		if !known {
			t.Errorf("%s has no line in the table of who may import whom; give it one in rules_test.go and in docs/architecture.md", p.short())
			continue
		}
		for _, imported := range p.Imports {
			if why := refused(p.short(), allowed, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.short(), imported, why)
			}
		}
	}
}

// refused says why a package may not import another, "" where it may.
func refused(by string, allowed []string, imported string) string {
	if rest, found := strings.CutPrefix(imported, module); found {
		if slices.Contains(allowed, anything) || slices.Contains(allowed, rest) {
			return ""
		}
		return "it may import " + orNothing(allowed) + " of ours"
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
		{"internal/policy", "portcullis/internal/access", false},
		{"internal/policy", "portcullis/internal/store", true},
		{"internal/access", "portcullis/internal/policy", true},
		{"internal/access", "net/netip", false},
		{"internal/access", "go4.org/netipx", true},
		{"internal/store", "gorm.io/gorm", false},
		{"internal/change", "gorm.io/gorm", true},
		{"internal/rollout", "github.com/aws/aws-sdk-go-v2/service/iam", true},
		{"internal/aws", "github.com/aws/aws-sdk-go-v2/service/iam", false},
		{"internal/server", "github.com/labstack/echo/v4", true},
		{"internal/store", "testing", true},
		{"internal/server", "portcullis/web", false},
		{"internal/server", "go.opentelemetry.io/otel/trace", true},
		{"internal/telemetry", "portcullis/internal/aws", true},
		{"internal/judge", "portcullis/internal/access", true},
		{"internal/judge", "go4.org/netipx", true},
		{"internal/aws/sandbox", "portcullis/internal/judge", false},
		{"internal/aws/sandbox", "portcullis/internal/policy", true},
		{"web/api", "portcullis/web/pages", true},
		{"web/pages", "portcullis/web/api", true},
		{"web/transport", "portcullis/web/view", true},
		{"web/api", "github.com/a-h/templ", true},
	} {
		got := refused(c.by, mayImport[c.by], c.imported)
		if (got != "") != c.refused {
			t.Errorf("%s imports %s: refused %q, want refused %v", c.by, c.imported, got, c.refused)
		}
	}
}
