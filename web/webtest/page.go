package webtest

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Page is an answer as HTML.
type Page struct {
	t    *testing.T
	Root *html.Node
}

// All returns every element of a kind.
func (p Page) All(tag string) []*html.Node {
	var found []*html.Node
	for n := range p.Root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

// Selected is the value that is chosen in a list.
func (p Page) Selected(id string) string {
	p.t.Helper()
	list := p.ID(id)
	if list == nil {
		p.t.Fatalf("the page has no element #%s", id)
	}
	for n := range list.Descendants() {
		for _, a := range n.Attr {
			if n.Data == "option" && a.Key == "selected" {
				return Attr(n, "value")
			}
		}
	}
	return ""
}

// ID returns the element with an id, nil when there is none.
func (p Page) ID(id string) *html.Node {
	for n := range p.Root.Descendants() {
		if Attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// Text is what somebody reads of an element; of the whole page without one.
func (p Page) Text(id string) string {
	p.t.Helper()
	n := p.Root
	if id != "" {
		if n = p.ID(id); n == nil {
			p.t.Fatalf("the page has no element #%s", id)
		}
	}
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// Form returns whether a form is sent to an address.
func (p Page) Form(action string) *html.Node {
	for n := range p.Root.Descendants() {
		if n.Data == "form" && Attr(n, "action") == action {
			return n
		}
	}
	return nil
}

// Attr is an attribute of an element; "" where it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Contains fails unless an element says all of the words.
func (p Page) Contains(id string, wants ...string) {
	p.t.Helper()
	got := p.Text(id)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			p.t.Errorf("#%s does not say %q; it says:\n%s", id, want, got)
		}
	}
}
