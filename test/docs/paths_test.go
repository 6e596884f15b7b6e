package docs

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strings"
)

var (
	span        = regexp.MustCompile("`([^`]+)`")
	pathLike    = regexp.MustCompile(`^\.?[A-Za-z0-9_*-][A-Za-z0-9_.*-]*(/[A-Za-z0-9_.*-]+)*/?$`)
	placeholder = regexp.MustCompile(`[A-Z]{2,}`)
	section     = regexp.MustCompile(`(?m)^#+ `)
	generated   = regexp.MustCompile(`(?s)<!-- Generated .*?<!-- End of the generated`)
)

// isGuide reports whether the paths on a page are checked.
func isGuide(page string) bool {
	switch page {
	case "README.md", "CONTRIBUTING.md", "docs/architecture.md":
		return true
	}
	return strings.HasPrefix(page, "docs/decisions/")
}

// missingPaths lists the files and folders that the pages for developers mention in
// backticks and that do not exist. paths counts all of them. A path has a slash or ends in
// .go, .sql or .templ. A path without a slash is a file in a folder that the same section
// mentioned before. NOUN and the like stand for any text.
func missingPaths(t tree) (missing []string, paths int) {
	for _, page := range t.pages(".md") {
		if !isGuide(page) {
			continue
		}
		text := fence.ReplaceAllString(generated.ReplaceAllString(t.texts[page], ""), "")
		for _, part := range section.Split(text, -1) {
			var folders []string
			for _, m := range span.FindAllStringSubmatch(part, -1) {
				p := strings.TrimSuffix(m[1], "/")
				if !isPath(m[1]) {
					continue
				}
				paths++
				if !t.has(p, folders) {
					missing = append(missing, fmt.Sprintf("%s mentions %s, which does not exist", page, m[1]))
				}
				if folder := path.Dir(p); strings.Contains(p, "/") && path.Ext(p) != ".md" {
					folders = append(folders, folder)
				}
			}
		}
	}
	return missing, paths
}

func isPath(s string) bool {
	if _, err := netip.ParsePrefix(s); err == nil || !pathLike.MatchString(s) {
		return false
	}
	ext := path.Ext(s)
	return strings.Contains(s, "/") || ext == ".go" || ext == ".sql" || ext == ".templ"
}

// has reports whether a path exists: from the root, or in one of the folders if it has no
// slash. If there are no folders, any file of that name will do.
func (t tree) has(p string, folders []string) bool {
	if t.paths[p] {
		return true
	}
	p = placeholder.ReplaceAllString(p, "*")
	patterns := []string{p}
	if !strings.Contains(p, "/") {
		patterns = nil
		for _, f := range folders {
			patterns = append(patterns, f+"/"+p)
		}
	}
	for known := range t.paths {
		for _, pattern := range patterns {
			if ok, err := path.Match(pattern, known); err == nil && ok {
				return true
			}
		}
		if ok, err := path.Match(p, path.Base(known)); err == nil && ok && len(patterns) == 0 {
			return true
		}
	}
	return false
}
