package harness

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is what a visitor got.
type Page struct {
	Status int
	URL    *url.URL // after redirects
	Header http.Header

	root *html.Node
	v    *Visitor
}

// Path is the page's address without the host.
func (p *Page) Path() string { return p.URL.Path }

// ID is the last part of the page's path, such as the number of a change.
func (p *Page) ID() string { return p.URL.Path[strings.LastIndexByte(p.URL.Path, '/')+1:] }

// Text is what there is to read on the page, its white space made single blanks.
func (p *Page) Text() string { return textOf(p.root) }

func (p *Page) String() string {
	text := p.Text()
	return fmt.Sprintf("%s answered %d: %s", p.URL, p.Status, text[:min(len(text), 1500)])
}

// Want fails the test unless the page has a status and shows each of some texts.
func (p *Page) Want(status int, texts ...string) *Page {
	p.v.t.Helper()
	if p.Status != status {
		p.v.t.Fatalf("status %d, want %d: %s", p.Status, status, p)
	}
	for _, text := range texts {
		if !strings.Contains(p.Text(), text) {
			p.v.t.Fatalf("the page does not say %q: %s", text, p)
		}
	}
	return p
}

// Follow opens the first link whose text contains a text.
func (p *Page) Follow(text string) *Page {
	p.v.t.Helper()
	for _, a := range all(p.root, "a") {
		if strings.Contains(textOf(a), text) && attribute(a, "href") != "" {
			return p.v.Get(p.resolve(attribute(a, "href")))
		}
	}
	p.v.t.Fatalf("there is no link %q: %s", text, p)
	return nil
}

// Links lists the paths that the page links to.
func (p *Page) Links() []string {
	var out []string
	for _, a := range all(p.root, "a") {
		if u, err := url.Parse(attribute(a, "href")); err == nil && u.Host == "" && u.Path != "" {
			out = append(out, p.resolve(u.Path))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Problem is the message beside a field, "" when there is none. It is found as a screen
// reader finds it: by the field's aria-describedby.
func (p *Page) Problem(field string) string {
	for _, n := range all(p.root, "input", "textarea", "select", "fieldset") {
		if attribute(n, "name") != field && attribute(n, "id") != field {
			continue
		}
		for id := range strings.FieldsSeq(attribute(n, "aria-describedby")) {
			if noted := byID(p.root, id); noted != nil && strings.HasSuffix(id, "-problem") {
				return textOf(noted)
			}
		}
	}
	return ""
}

func (p *Page) resolve(href string) string {
	u, err := p.URL.Parse(href)
	if err != nil {
		p.v.t.Fatalf("%q is no address: %v", href, err)
	}
	return u.RequestURI()
}

func all(root *html.Node, names ...string) []*html.Node {
	var out []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(names, n.Data) {
			out = append(out, n)
		}
	}
	return out
}

func byID(root *html.Node, id string) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	value, _ := lookUp(n, name)
	return value
}

func lookUp(n *html.Node, name string) (value string, there bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && (n.Parent == nil || n.Parent.Data != "script" && n.Parent.Data != "style") {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
