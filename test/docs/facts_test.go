package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const factsPage = "docs/aws-facts.md"

var (
	// nextLine joins a comment that goes on in the next line.
	nextLine = regexp.MustCompile(`\s*\n\s*(//|--|\*)?[ \t]*`)
	cited    = regexp.MustCompile(`docs/aws-facts\.md, ("[^"]+"(?:(?:,| and|, and) "[^"]+")*)`)
	quoted   = regexp.MustCompile(`"([^"]+)"`)
)

// unknownHeadings lists the headings of docs/aws-facts.md that the code cites and that the
// page does not have. cites counts all citations.
func unknownHeadings(t tree) (unknown []string, cites int) {
	known := headings(t.texts[factsPage])
	for _, page := range slices.Concat(t.pages(".go"), t.pages(".sql"), t.pages(".templ")) {
		if strings.HasPrefix(page, "test/docs/") {
			continue
		}
		text := nextLine.ReplaceAllString(t.texts[page], " ")
		for _, m := range cited.FindAllStringSubmatch(text, -1) {
			for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
				cites++
				if !slices.Contains(known, q[1]) {
					unknown = append(unknown, fmt.Sprintf("%s cites %q, which %s does not have", page, q[1], factsPage))
				}
			}
		}
	}
	return unknown, cites
}
