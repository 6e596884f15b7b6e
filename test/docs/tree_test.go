package docs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notOurs are folders that hold fetched or built files.
var notOurs = []string{".git", ".tools", "bin", "node_modules", "vendor"}

// readTree returns the texts of Markdown and code by path, and all paths. A folder has no
// slash at its end.
func readTree(t *testing.T, root fs.FS) tree {
	t.Helper()
	found := tree{texts: map[string]string{}, paths: map[string]bool{}}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(notOurs, d.Name()) {
			return fs.SkipDir
		}
		found.paths[p] = true
		if d.IsDir() || !isText(p) {
			return nil
		}
		text, err := fs.ReadFile(root, p)
		found.texts[p] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

type tree struct {
	texts map[string]string
	paths map[string]bool
}

func isText(p string) bool {
	return slices.Contains([]string{".md", ".go", ".sql", ".templ"}, path.Ext(p)) && !strings.HasSuffix(p, "_templ.go")
}

// pages are the paths of the texts with an extension, sorted.
func (t tree) pages(ext string) []string {
	var found []string
	for p := range t.texts {
		if path.Ext(p) == ext {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```[^\n]*$")
	heading = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
)

// headings lists the headings of a page.
func headings(page string) []string {
	var found []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		found = append(found, m[1])
	}
	return found
}
