package harness

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Form is a form of a page, filled in as the page sent it.
type Form struct {
	Values url.Values

	node *html.Node
	page *Page
}

// Form finds the form whose target ends with a path or that has a button of that text.
func (p *Page) Form(named string) *Form {
	p.v.t.Helper()
	if f := p.findForm(named); f != nil {
		return f
	}
	p.v.t.Fatalf("there is no form %q: %s", named, p)
	return nil
}

// HasForm reports whether there is such a form.
func (p *Page) HasForm(named string) bool { return p.findForm(named) != nil }

func (p *Page) findForm(named string) *Form {
	forms := all(p.root, "form")
	matching := func(match func(*html.Node) bool) *Form {
		i := slices.IndexFunc(forms, match)
		if i < 0 {
			return nil
		}
		f := &Form{Values: url.Values{}, node: forms[i], page: p}
		f.read()
		return f
	}
	byTarget := matching(func(n *html.Node) bool {
		target, _, _ := strings.Cut(attribute(n, "action"), "?")
		return strings.HasPrefix(named, "/") && strings.HasSuffix(target, named)
	})
	if byTarget != nil {
		return byTarget
	}
	return matching(func(n *html.Node) bool { return p.button(n, named) != nil })
}

// controls are the form's fields and buttons, also those that stand elsewhere on the
// page and name it.
func (p *Page) controls(form *html.Node) []*html.Node {
	controls := all(form, "input", "textarea", "select", "button")
	if id := attribute(form, "id"); id != "" {
		for _, n := range all(p.root, "input", "textarea", "select", "button") {
			if attribute(n, "form") == id {
				controls = append(controls, n)
			}
		}
	}
	return controls
}

func (p *Page) button(form *html.Node, text string) *html.Node {
	for _, n := range p.controls(form) {
		if n.Data == "button" && attribute(n, "type") != "button" && strings.Contains(textOf(n), text) {
			return n
		}
	}
	return nil
}

// read takes over what the page has filled in.
func (f *Form) read() {
	for _, n := range f.page.controls(f.node) {
		name := attribute(n, "name")
		_, checked := lookUp(n, "checked")
		switch kind := attribute(n, "type"); {
		case name == "" || n.Data == "button":
		case n.Data == "textarea":
			f.Values.Add(name, rawText(n))
		case n.Data == "select":
			f.readSelect(n, name)
		case kind == "checkbox" || kind == "radio":
			if checked {
				value, there := lookUp(n, "value")
				if !there {
					value = "on"
				}
				f.Values.Add(name, value)
			}
		default:
			f.Values.Add(name, attribute(n, "value"))
		}
	}
}

func (f *Form) readSelect(n *html.Node, name string) {
	options := all(n, "option")
	_, multiple := lookUp(n, "multiple")
	chosen := 0
	for _, o := range options {
		if _, selected := lookUp(o, "selected"); selected {
			f.Values.Add(name, optionValue(o))
			chosen++
		}
	}
	if chosen == 0 && !multiple && len(options) > 0 {
		f.Values.Add(name, optionValue(options[0]))
	}
}

func optionValue(o *html.Node) string {
	if value, there := lookUp(o, "value"); there {
		return value
	}
	return textOf(o)
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// Fill sets a field. The form has to have it.
func (f *Form) Fill(name string, values ...string) *Form {
	f.page.v.t.Helper()
	if !slices.ContainsFunc(f.page.controls(f.node), func(n *html.Node) bool { return attribute(n, "name") == name }) {
		f.page.v.t.Fatalf("the form %s has no field %q; it has %q", attribute(f.node, "action"), name, f.fields())
	}
	f.Values[name] = values
	return f
}

func (f *Form) fields() []string {
	var names []string
	for _, n := range f.page.controls(f.node) {
		if name := attribute(n, "name"); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Submit sends the form with its only button, or with the button of a text.
func (f *Form) Submit(button ...string) *Page {
	f.page.v.t.Helper()
	for _, text := range button {
		b := f.page.button(f.node, text)
		if b == nil {
			f.page.v.t.Fatalf("the form %s has no button %q", attribute(f.node, "action"), text)
		}
		if name := attribute(b, "name"); name != "" {
			f.Values.Set(name, attribute(b, "value"))
		}
	}
	target := f.page.resolve(attribute(f.node, "action"))
	if strings.EqualFold(attribute(f.node, "method"), http.MethodPost) {
		return f.page.v.Post(target, f.Values)
	}
	path, _, _ := strings.Cut(target, "?")
	return f.page.v.Get(path + "?" + f.Values.Encode())
}
