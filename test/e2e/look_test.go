package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"

	"portcullis.internal/portcullis/test/harness"
)

// silent fails the test when the browser's console has shown a warning or an error since
// it was last asked. allowed are texts of messages that the test brought about on purpose.
func (b *tab) silent(allowed ...string) {
	b.t.Helper()
	for _, line := range b.heard() {
		if !containsAny(line, allowed) {
			b.t.Errorf("the browser's console says at %s: %s", b.path(), line)
		}
	}
}

// heard returns the warnings and errors that the browser's console has shown since it
// was last asked: a script's error, a missing file, a breach of the content security
// policy.
func (b *tab) heard() []string {
	b.t.Helper()
	b.said.mu.Lock()
	b.said.marks++
	mark := fmt.Sprintf("e2e mark %d", b.said.marks)
	b.said.mu.Unlock()
	eval[bool](b, fmt.Sprintf("console.debug(%q), true", mark))
	harness.Eventually(b.t, stepWithin, "the console has said everything", func() (bool, string) { return b.said.has(mark), "" })
	return slices.DeleteFunc(b.said.take(), quiet)
}

// quiet reports whether a message is none of a problem.
func quiet(line string) bool {
	kind, _, _ := strings.Cut(line, ":")
	return kind == "debug" || kind == "info" || kind == "log"
}

func containsAny(s string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

var axe = sync.OnceValues(func() (string, error) {
	path := filepath.Join(harness.Root(), "web", "node_modules", "axe-core", "axe.min.js")
	source, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w (run: make assets)", err)
	}
	return string(source), nil
})

// violation is something that axe finds wrong.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

func (v violation) describe() string {
	s := fmt.Sprintf("%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes[:min(len(v.Nodes), 4)] {
		s += "\n      " + n.HTML + "\n        " + strings.ReplaceAll(n.FailureSummary, "\n", " ")
	}
	return s
}

// accessible fails the test when axe finds anything on the page as it is shown.
func (b *tab) accessible() {
	b.t.Helper()
	b.silent()
	for _, v := range b.violations() {
		b.t.Errorf("axe at %s (%s): %s", b.path(), eval[string](b, `document.documentElement.getAttribute("data-bs-theme") || "no theme"`), v.describe())
	}
}

// violations is what axe finds on the page.
func (b *tab) violations() []violation {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](source+";true")); err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	found := eval[string](b, `axe.run().then(r => JSON.stringify(r.violations))`)
	var violations []violation
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, `delete window.axe, true`)
	b.heard() // what axe itself set off
	return violations
}

// theme makes the browser ask for light or dark pages from now on.
func (b *tab) theme(name string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`document.cookie = "portcullis-theme=%s; path=/; samesite=lax", true`, name))
}

// look checks a page as it is shown now, and once more in dark: no message in the
// console, nothing for axe to find, and nothing wider than the window, wide or narrow.
// Pages are loaded anew for it, so it is for pages that were opened by their address.
func (b *tab) look(name string) {
	b.t.Helper()
	at := eval[string](b, "location.pathname + location.search")
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.open(at)
		b.accessible()
		for _, w := range []int64{width, 400} {
			b.do(chromedp.EmulateViewport(w, height))
			b.fits(w)
			b.picture(name, theme, w)
		}
		b.do(chromedp.EmulateViewport(width, height))
	}
	b.theme("light")
	b.open(at)
}

// fits fails the test when the page can be scrolled sideways.
func (b *tab) fits(w int64) {
	b.t.Helper()
	if wide := b.tooWide(w); wide != "" {
		b.t.Errorf("%s is wider than its window of %d pixels, because of\n%s", b.path(), w, wide)
	}
}

// tooWide names what sticks out of a window, "" where nothing does.
func (b *tab) tooWide(w int64) string {
	b.t.Helper()
	if eval[int64](b, "document.scrollingElement.scrollWidth") <= w {
		return ""
	}
	return eval[string](b, fmt.Sprintf(`(() => {
		const clipped = e => { for (e = e.parentElement; e && e !== document.body; e = e.parentElement) if (getComputedStyle(e).overflowX !== "visible") return true }
		const wide = e => Math.max(e.getBoundingClientRect().right, getComputedStyle(e).overflowX === "visible" ? e.getBoundingClientRect().left + e.scrollWidth : 0) > %d
		const found = [...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && wide(e))
		return found.filter(e => !clipped(e)).concat(found).slice(0, 8).map(e => e.outerHTML.slice(0, 160)).join("\n") || "something"
	})()`, w))
}

// screenshotsEnv names the folder for pictures of the pages.
const screenshotsEnv = "PORTCULLIS_SCREENSHOTS"

func (b *tab) picture(name, theme string, w int64) {
	b.t.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(harness.Root(), dir)
	}
	b.shoot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, w, theme)), chromedp.FullScreenshot(100))
	if name == "overview" && theme == "light" && w == width {
		b.shoot(filepath.Join(harness.Root(), "docs", "images", "overview.png"), chromedp.CaptureScreenshot())
	}
}

func (b *tab) shoot(path string, how chromedp.Action[[]byte]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepWithin)
	defer cancel()
	png, err := chromedp.Run(ctx, how)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		b.t.Fatalf("making the picture %s: %v", path, err)
	}
}
