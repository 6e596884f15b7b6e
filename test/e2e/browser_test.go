package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"portcullis.internal/portcullis/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// The size of the window that pages are checked in.
const width, height = 1440, 900

var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := findChromium()
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.WindowSize(width, height),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	harness.AtEnd(func() error { return chromedp.Cancel(ctx) })
	return ctx, nil
})

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the browser tests need Chromium: install it (Debian and Ubuntu: apt-get install chromium)")
}

// tab is one person's window of the browser, with cookies of its own.
type tab struct {
	t    *testing.T
	c    *harness.Console
	ctx  context.Context
	said *messages
}

// messages are what the browser's console shows.
type messages struct {
	mu    sync.Mutex
	lines []string
	marks int
}

// openTab opens a window in which nobody is signed in.
func openTab(t *testing.T, c *harness.Console) *tab {
	t.Helper()
	root, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the window lives as long as this context
		t.Fatalf("opening a window: %v", err)
	}
	b := &tab{t: t, c: c, ctx: ctx, said: &messages{}}
	b.do(chromedp.EmulateViewport(width, height))
	shown := chromedp.Console(ctx)
	go func() {
		for m, err := range shown {
			if err != nil {
				return
			}
			b.said.add(string(m.Type) + ": " + m.Text)
		}
	}()
	return b
}

func (m *messages) add(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, line)
}

// take returns what was shown since it was last asked.
func (m *messages) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines := m.lines
	m.lines = nil
	return lines
}

func (m *messages) has(line string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lines {
		if strings.Contains(l, line) {
			return true
		}
	}
	return false
}

// stepWithin is how long one step in the browser may take on a busy machine.
const stepWithin = 30 * time.Second

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v; at %s", err, b.where())
	}
}

func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + ": " + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return at
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluating %.200s: %v", expression, err)
	}
	return v
}

// open goes to a page of the console.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.c.URL() + path))
}

// fill types into a field in place of what is there.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`document.querySelector(%q).value = "", true`, selector))
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// press clicks on the one visible button or link that is called so, and waits until the
// page it leads to is loaded.
func (b *tab) press(name string) {
	b.t.Helper()
	b.find(name)
	ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("[data-e2e-pressed]"))); err != nil {
		b.t.Fatalf("pressing %q: %v; at %s", name, err, b.where())
	}
}

// find marks a button or link, and fails the test when there is none, or several that
// lead to different places.
func (b *tab) find(name string) {
	b.t.Helper()
	n := eval[int](b, fmt.Sprintf(`(() => {
		const name = %q, squeeze = s => s.replace(/\s+/g, " ").trim()
		document.querySelectorAll("[data-e2e-pressed]").forEach(e => e.removeAttribute("data-e2e-pressed"))
		const shown = [...document.querySelectorAll("a[href], button, summary, input[type=submit]")].filter(e => e.checkVisibility())
		const called = e => squeeze(e.getAttribute("aria-label") || e.innerText || e.value || "")
		const exact = shown.filter(e => called(e) === name)
		const found = exact.length ? exact : shown.filter(e => called(e).includes(name))
		const leadTo = new Set(found.map(e => e.href || e))
		if (leadTo.size === 1) found[0].setAttribute("data-e2e-pressed", "")
		return leadTo.size
	})()`, name))
	if n != 1 {
		b.t.Fatalf("%d buttons or links are called %q; at %s", n, name, b.where())
	}
}

// has reports whether a visible button or link is called so.
func (b *tab) has(name string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf(`[...document.querySelectorAll("a[href], button")].some(e => e.checkVisibility() && !e.disabled && e.innerText.replace(/\s+/g, " ").includes(%q))`, name))
}

// text is what there is to read on the page.
func (b *tab) text() string {
	b.t.Helper()
	return eval[string](b, `document.body.innerText.replace(/\s+/g, " ")`)
}

// want fails the test unless the page shows each of some texts.
func (b *tab) want(texts ...string) {
	b.t.Helper()
	shown := b.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			b.t.Fatalf("the page does not say %q; at %s", text, b.where())
		}
	}
}

// eventually waits until an expression is true in the page as it stands: unlike
// everything else here it never loads anything.
func (b *tab) eventually(within time.Duration, what, expression string) {
	b.t.Helper()
	harness.Eventually(b.t, within, what, func() (bool, string) {
		ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
		defer cancel()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err != nil {
			return false, err.Error()
		}
		return ok, ""
	})
}

// path is the path of the page.
func (b *tab) path() string {
	b.t.Helper()
	return eval[string](b, "location.pathname")
}

// signIn signs a person in through the form.
func (b *tab) signIn(p harness.Person) {
	b.t.Helper()
	b.open("/signin")
	b.fill("#email", p.Email())
	b.fill("#password", p.Password)
	b.press("Sign in")
	if at := b.path(); strings.HasPrefix(at, "/signin") {
		b.t.Fatalf("%s could not sign in; at %s", p.Email(), b.where())
	}
}
