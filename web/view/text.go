package view

import (
	"strings"

	"github.com/a-h/templ"

	"portcullis.internal/portcullis/internal/access"
)

// Text is a text that people typed: a title, note, reason, ticket or comment. A character that its
// reader could not see or could misread is shown as its code point, and marked.
func Text(s string) templ.Component { return leaf(visible(s)) }

// visible is the markup of Text.
func visible(s string) string {
	var b strings.Builder
	for _, p := range access.TextParts(s) {
		if p.Suspicious == 0 {
			b.WriteString(text(p.Text))
			continue
		}
		why := "The text has " + access.CodePoint(p.Suspicious) + " here, " + access.WhySuspicious(p.Suspicious) +
			". It may make the text look like another one."
		b.WriteString(`<mark class="pc-suspicious" title="` + text(why) + `">⟨` + access.CodePoint(p.Suspicious) + `⟩</mark>`)
	}
	return b.String()
}
