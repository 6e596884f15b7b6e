package view

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"portcullis.internal/portcullis/internal/access"
)

// leaf is a component that stands many times on one page. It is put together by hand,
// since for so little text a template costs more than the text. Whatever is not ours in it
// goes through text.
type leaf string

// Render writes the leaf.
func (l leaf) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(l))
	return err
}

// Badge is a word in a tone.
func Badge(tone Tone, word string) templ.Component {
	return leaf(`<span class="pc-badge pc-` + text(string(tone)) + `">` + text(word) + `</span>`)
}

func stateBadge(tone Tone, state string) templ.Component {
	return leaf(`<span class="pc-badge pc-dot pc-` + text(string(tone)) + `" data-state="` + text(state) + `">` + text(label(state)) + `</span>`)
}

// ChangeBadge shows the state of a change.
func ChangeBadge(s access.ChangeState) templ.Component { return stateBadge(changeTone(s), string(s)) }

// RolloutBadge shows the state of a rollout.
func RolloutBadge(s access.RolloutState) templ.Component {
	return stateBadge(rolloutTone(s), string(s))
}

// TargetBadge shows the state of one account of a rollout.
func TargetBadge(s access.TargetState) templ.Component { return stateBadge(targetTone(s), string(s)) }

// OperationBadge shows the state of one write.
func OperationBadge(s access.OperationState) templ.Component {
	return stateBadge(operationTone(s), string(s))
}

// Time is a moment. The browser turns it into the reader's own time.
func Time(t time.Time) templ.Component { return moment(t, "at") }

// Exact is a moment to the second, where the order of events counts.
func Exact(t time.Time) templ.Component {
	return leaf(`<time datetime="` + text(machineTime(t)) + `" data-time="exact">` + text(t.UTC().Format("2 Jan 2006, 15:04:05 UTC")) + `</time>`)
}

// Ago is a moment that the browser writes as how long ago it was.
func Ago(t time.Time) templ.Component { return moment(t, "ago") }

func moment(t time.Time, how string) templ.Component {
	return byHand(func(m *markup) { m.moment(t, how) })
}

// Code is a short text in fixed width: a CIDR, a name, an id.
func Code(s string) templ.Component { return leaf(`<code class="pc-code">` + text(s) + `</code>`) }

// Codes lists several short texts, at most shown of them.
func Codes(texts []string, shown int) templ.Component {
	return byHand(func(m *markup) { m.codes(texts, shown) })
}

// Person names somebody.
func Person(p access.PersonRef) templ.Component {
	if p.Name == "" {
		return None("nobody")
	}
	return leaf(`<span class="pc-person" title="` + text(p.Email) + `">` + visible(p.Name) + `</span>`)
}

// None stands for a value that is not there.
func None(s string) templ.Component { return leaf(`<span class="pc-none">` + text(s) + `</span>`) }

// drawn are components that many pages share, as they were drawn the first time.
var drawn sync.Map

// once draws a component the first time that it is asked for by its key, which says all
// that it depends on and takes few values.
func once(key string, component templ.Component) templ.Component {
	if kept, ok := drawn.Load(key); ok {
		return kept.(leaf) //nolint:forcetypeassert // nothing else is put in
	}
	var b strings.Builder
	if err := component.Render(context.Background(), &b); err != nil {
		return component
	}
	drawn.Store(key, leaf(b.String()))
	return leaf(b.String())
}

// Icon is a small drawing beside a word; it says nothing by itself.
func Icon(name string) templ.Component { return once("icon "+name, drawIcon(name)) }

// navLinks are the lines of the navigation, as those see it who may see these.
func navLinks(items []NavItem, section string) templ.Component {
	var key strings.Builder
	key.WriteString("nav " + section)
	for _, item := range items {
		key.WriteString(" " + item.URL)
	}
	return once(key.String(), drawNavLinks(items, section))
}
