package view

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/a-h/templ"
)

// markup is HTML that is put together by hand, for what stands many times on one page:
// there a template costs more than what it writes. What is ours goes in as it is, what is
// of others through text.
type markup []byte

// byHand is a component that puts its markup together when it is written.
type byHand func(m *markup)

var markups = sync.Pool{New: func() any { return new(markup) }}

// Render writes the markup.
func (draw byHand) Render(_ context.Context, w io.Writer) error {
	m, _ := markups.Get().(*markup)
	defer markups.Put(m)
	*m = (*m)[:0]
	draw(m)
	_, err := w.Write(*m)
	return err
}

// ours adds tags, and words of ours.
func (m *markup) ours(html string) { *m = append(*m, html...) }

// text adds what others have written, between tags or within an attribute.
func (m *markup) text(s string) { *m = append(*m, text(s)...) }

// number adds a count as Number writes it.
func (m *markup) number(n int) {
	if 0 <= n && n < 1000 {
		*m = strconv.AppendInt(*m, int64(n), 10)
		return
	}
	m.ours(Number(n))
}

func (m *markup) badge(class string, word string) {
	m.ours(`<span class="pc-badge `)
	m.text(class)
	m.ours(`">`)
	m.text(word)
	m.ours(`</span>`)
}

func (m *markup) none(s string) {
	m.ours(`<span class="pc-none">`)
	m.text(s)
	m.ours(`</span>`)
}

// moment adds a time, how says in which way the browser writes it anew.
func (m *markup) moment(t time.Time, how string) {
	if t.IsZero() {
		m.none("never")
		return
	}
	t = t.UTC()
	m.ours(`<time datetime="`)
	*m = t.AppendFormat(*m, time.RFC3339)
	m.ours(`" data-time="` + how + `">`)
	*m = t.AppendFormat(*m, stampLayout)
	m.ours(`</time>`)
}

// codes adds several short texts, at most shown of them.
func (m *markup) codes(texts []string, shown int) {
	m.ours(`<span class="pc-codes">`)
	for _, t := range texts[:min(len(texts), shown)] {
		m.ours(`<code class="pc-code">`)
		m.text(t)
		m.ours(`</code>`)
	}
	if more := len(texts) - shown; more > 0 {
		m.ours(` <span class="pc-hint">and `)
		m.number(more)
		m.ours(` more</span>`)
	}
	m.ours(`</span>`)
}

// text escapes what stands between tags or within an attribute. Most texts have nothing
// to escape, which is found out for less than the escaping costs.
func text(s string) string {
	for i := range len(s) {
		switch s[i] {
		case '&', '<', '>', '"', '\'':
			return templ.EscapeString(s)
		}
	}
	return s
}
