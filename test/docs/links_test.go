package docs

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	codeSpan  = regexp.MustCompile("`[^`]*`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]: +(\S+)`)
)

// brokenLinks lists the relative links of all pages whose file or heading does not exist.
func brokenLinks(t tree) []string {
	var broken []string
	for _, page := range t.pages(".md") {
		text := codeSpan.ReplaceAllString(fence.ReplaceAllString(t.texts[page], ""), "code")
		links := slices.Concat(link.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1))
		for _, m := range links {
			if why := t.broken(page, m[1]); why != "" {
				broken = append(broken, fmt.Sprintf("%s: the link to %s: %s", page, m[1], why))
			}
		}
	}
	return broken
}

// broken says why a link of a page does not resolve, "" if it does.
func (t tree) broken(page, to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return err.Error()
	}
	if u.IsAbs() || u.Host != "" {
		return ""
	}
	target := page
	if u.Path != "" {
		target = path.Join(path.Dir(page), u.Path)
	}
	if !t.paths[target] {
		return target + " does not exist"
	}
	if u.Fragment != "" && !slices.Contains(anchors(t.texts[target]), u.Fragment) {
		return target + " has no such heading"
	}
	return ""
}

// anchors are the names under which the headings of a page can be linked. They follow
// GitHub: lower case, hyphens for spaces, no punctuation, a number if a name is repeated.
func anchors(page string) []string {
	seen := map[string]int{}
	var found []string
	for _, h := range headings(page) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, h)
		found = append(found, name)
		if n := seen[name]; n > 0 {
			found[len(found)-1] = fmt.Sprintf("%s-%d", name, n)
		}
		seen[name]++
	}
	return found
}
