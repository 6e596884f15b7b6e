package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryKindOfEventIsDocumented derives the kinds of events from the code that makes
// them, and looks each up in docs/audit.md; and the other way round.
func TestEveryKindOfEventIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	kinds := kindsOfEvents(t, "../..")
	if len(kinds) < 50 {
		t.Fatalf("found %d kinds of events; the test looks in the wrong place", len(kinds))
	}
	for _, k := range kinds {
		if !slices.Contains(documented, k) {
			t.Errorf("docs/audit.md says nothing of %s", k)
		}
	}
	for _, d := range documented {
		if !slices.Contains(kinds, d) {
			t.Errorf("docs/audit.md tells of %s, and nothing makes such an event", d)
		}
	}
}

// putTogether are the kinds whose second half is a verdict or a state.
var putTogether = map[string][]string{
	"change.": {"change.approve", "change.reject"},
	"target.": {"target.succeeded", "target.failed", "target.conflict"},
}

// kindsOfEvents finds the action of every access.NewAuditEvent. Where one is no literal,
// every literal of its package that looks like an action counts, unless it is a constant.
func kindsOfEvents(t *testing.T, root string) []string {
	t.Helper()
	kinds := map[string]bool{}
	looksLikeOne := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	packages := map[string][]*ast.File{}
	files := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], parsed)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, parsed := range packages {
		open, literals := false, map[string]bool{}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
					return false // names of other things, such as of edits
				}
				if lit, ok := literal(n); ok {
					for _, whole := range putTogether[lit] {
						literals[whole] = true
					}
					literals[lit] = looksLikeOne.MatchString(lit)
				}
				call, ok := n.(*ast.CallExpr)
				if !ok || !makesEvent(call) {
					return true
				}
				switch lit, ok := literal(call.Args[2]); {
				case ok:
					kinds[lit] = true
				default:
					open = true
				}
				return true
			})
		}
		if open {
			for lit, is := range literals {
				if is {
					kinds[lit] = true
				}
			}
		}
	}
	var out []string
	for k := range kinds {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func makesEvent(call *ast.CallExpr) bool {
	if len(call.Args) != 5 {
		return false
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "NewAuditEvent"
	case *ast.Ident:
		return f.Name == "NewAuditEvent"
	default:
		return false
	}
}

func literal(n ast.Node) (string, bool) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
