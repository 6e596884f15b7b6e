package view

import (
	"strings"

	"github.com/a-h/templ"

	"portcullis.internal/portcullis/internal/access"
)

// Shell is what surrounds every page: where the reader is, who they are, and how they
// like it to look. Lead and Actions stand beside the title and may be left out.
type Shell struct {
	Title   string
	Section string // of the navigation
	Lead    string
	Crumbs  []Crumb
	Actions templ.Component
	Actor   access.Actor
	Nav     []NavItem
	Theme   string // "light", "dark", or "" for the browser's own choice
	Assets  string // what comes before the name of an asset
	Flash   string // a sentence about what has just been done
	Here    string // address of this page
	Version string
	Demo    bool
	OUs     *access.OUs // for pages that name accounts by OU; nil on others
}

// NavItem is one line of the navigation. Gap puts some room before it. Apart opens it in
// a tab of its own, for pages that have no way back.
type NavItem struct {
	Section string
	Label   string
	URL     string
	Icon    string
	Gap     bool
	Apart   bool
}

// Crumb is one step of the way to a page.
type Crumb struct {
	Label string
	URL   string
}

// SignedIn reports whether there is somebody to show the navigation to.
func (s Shell) SignedIn() bool { return s.Actor.Kind != "" }

// Asset is the address of a style sheet, script or font.
func (s Shell) Asset(name string) string { return s.Assets + "/" + name }

// With returns the shell with a lead and the actions of its page.
func (s Shell) With(lead string, actions templ.Component) Shell {
	s.Lead, s.Actions = lead, actions
	return s
}

// nextTheme is what the theme button switches to.
func (s Shell) nextTheme() string {
	switch s.Theme {
	case "":
		return "dark"
	case "dark":
		return "light"
	default:
		return "auto"
	}
}

func (s Shell) themeName() string {
	if s.Theme == "" {
		return "as the system"
	}
	return s.Theme
}

func roleNames(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// initials are one or two letters that stand for a person.
func initials(name string) string {
	words := strings.Fields(name)
	letters := make([]rune, 0, len(words))
	for _, word := range words {
		letters = append(letters, []rune(word)[0])
	}
	switch {
	case len(letters) == 0:
		return "?"
	case len(letters) > 2:
		letters = []rune{letters[0], letters[len(letters)-1]}
	}
	return strings.ToUpper(string(letters))
}

// htmxConfig switches off what the content security policy forbids anyway.
const htmxConfig = `{"allowEval":false,"includeIndicatorStyles":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0}`
