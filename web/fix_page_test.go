package web_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// page is an answer as HTML.
type page struct {
	t    *testing.T
	root *html.Node
}

// all returns every element of a kind.
func (p page) all(tag string) []*html.Node {
	var found []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

// selected is the value that is chosen in a list.
func (p page) selected(id string) string {
	p.t.Helper()
	list := p.id(id)
	if list == nil {
		p.t.Fatalf("the page has no element #%s", id)
	}
	for n := range list.Descendants() {
		for _, a := range n.Attr {
			if n.Data == "option" && a.Key == "selected" {
				return attr(n, "value")
			}
		}
	}
	return ""
}

// id returns the element with an id, nil when there is none.
func (p page) id(id string) *html.Node {
	for n := range p.root.Descendants() {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// text is what somebody reads of an element; of the whole page without one.
func (p page) text(id string) string {
	p.t.Helper()
	n := p.root
	if id != "" {
		if n = p.id(id); n == nil {
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

// form returns whether a form is sent to an address.
func (p page) form(action string) *html.Node {
	for n := range p.root.Descendants() {
		if n.Data == "form" && attr(n, "action") == action {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (p page) contains(id string, wants ...string) {
	p.t.Helper()
	got := p.text(id)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			p.t.Errorf("#%s does not say %q; it says:\n%s", id, want, got)
		}
	}
}
