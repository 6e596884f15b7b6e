package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/net/html"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/web"
	"portcullis/web/transport"
)

// console is a running console over fakes, and a browser.
type console struct {
	t            *testing.T
	url          string
	changes      *changes
	rollouts     *rollouts
	organization *organization
	client       *http.Client
	noted        []noted
	generation   int64
	invited      authn.Invitation
	due          bool
	revoked      atomic.Bool
	place        authn.Place
	routes       []transport.Route
}

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

type answer struct {
	status int
	header http.Header
	body   string
}

func newConsole(t *testing.T) *console { return newPacedConsole(t, -1) }

// newPacedConsole is a console that takes so many calls of the API a second.
func newPacedConsole(t *testing.T, rate float64) *console {
	t.Helper()
	return newConsoleWith(t, func(cfg *web.Config) { cfg.APIRate = rate })
}

func newConsoleWith(t *testing.T, settings func(*web.Config)) *console {
	t.Helper()
	c := &console{t: t, changes: &changes{}, rollouts: &rollouts{updates: make(chan access.Rollout, 8)}, organization: &organization{}}
	sessions := scs.New()
	sessions.Cookie.Secure = false
	cfg := web.Config{
		Changes: c.changes, Rollouts: c.rollouts, Organization: c.organization, Identity: identity{noted: &c.noted, generation: &c.generation, place: &c.place, invited: &c.invited, due: &c.due, revoked: &c.revoked}, Sessions: sessions, Replies: &replies{kept: map[string]access.Reply{}}, APIRate: -1,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Now: func() time.Time { return noon }, Version: "test",
	}
	settings(&cfg)
	server, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	c.url, c.routes = listening.URL, server.Routes()
	c.client = &http.Client{Jar: newJar(t), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func newJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

// api asks the HTTP API as the owner of a token; "" sends none.
func (c *console) api(path, who string, header ...string) answer {
	c.t.Helper()
	r := c.request(http.MethodGet, "/api/v1"+path, nil)
	if who != "" {
		r.Header.Set("Authorization", "Bearer token-"+who)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.send(r)
}

func (a answer) json(t *testing.T, status int) map[string]any {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, a.body)
	}
	return got
}

// tell sends JSON to the API as the owner of a token.
func (c *console) tell(method, path, who, body string, header ...string) answer {
	c.t.Helper()
	r := c.request(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token-"+who)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.send(r)
}

// as signs somebody in.
func (c *console) as(name string) *console {
	c.t.Helper()
	a := c.post("/signin", "email", name+"@example.com", "password", "correct horse")
	if a.status != http.StatusSeeOther {
		c.t.Fatalf("signing in %s: status %d", name, a.status)
	}
	return c
}

func (c *console) send(r *http.Request) answer {
	c.t.Helper()
	got, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(body)}
}

func (c *console) get(path string) answer {
	c.t.Helper()
	return c.send(c.request(http.MethodGet, path, nil))
}

// post sends a form; its fields are given as name and value in turn.
func (c *console) post(path string, fields ...string) answer {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := c.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.send(r)
}

func (c *console) request(method, path string, body io.Reader) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *console) page(path string) page {
	c.t.Helper()
	return c.parse(c.get(path), http.StatusOK)
}

func (c *console) parse(a answer, status int) page {
	c.t.Helper()
	if a.status != status {
		c.t.Fatalf("status %d, want %d:\n%s", a.status, status, a.body)
	}
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		c.t.Fatal(err)
	}
	return page{c.t, root}
}

// upload sends a form with a file.
func (c *console) upload(path, name, content string, fields ...string) answer {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		err = errors.Join(err, w.WriteField(fields[i], fields[i+1]))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		c.t.Fatal(err)
	}
	r := c.request(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.send(r)
}

// says holds an answer's body against words.
func (a answer) says(t *testing.T, status int, wants ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d", a.status, status)
	}
	for _, want := range wants {
		without, not := strings.CutPrefix(want, "!")
		if strings.Contains(a.body, without) == not {
			t.Errorf("the page has %q: %v\n%s", without, not, a.body)
		}
	}
}

func (a answer) to(t *testing.T, where string) {
	t.Helper()
	if a.status != http.StatusSeeOther || a.header.Get("Location") != where {
		t.Errorf("status %d to %q, want to be sent to %s", a.status, a.header.Get("Location"), where)
	}
}

// example fills the parameters of a route's path.
func example(path string) string {
	return strings.NewReplacer(":id", "7", ":account", "111122223333", ":hash", "0", "*", "nothing.css").Replace(path)
}

// formRequest is a request as the console's own page would send it.
func (c *console) formRequest(method, path string) *http.Request {
	r := c.request(method, path, strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// did fails unless exactly this was asked of the service.
func (c *console) did(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.changes.did, want) {
		c.t.Errorf("asked of the service: %q, want %q", c.changes.did, want)
	}
}

// went fails unless the answer sends the browser on to an address.
func (c *console) went(a answer, to string) {
	c.t.Helper()
	if a.status != 303 || a.header.Get("Location") != to {
		c.t.Errorf("status %d to %q, want 303 to %q", a.status, a.header.Get("Location"), to)
	}
}

// serve assembles a console by hand and returns it with what it logs.
func serve(t *testing.T, adjust func(*web.Config)) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	sessions := scs.New()
	sessions.Cookie.Secure = false
	cfg := web.Config{
		Replies: &replies{kept: map[string]access.Reply{}},
		Changes: &changes{}, Rollouts: &rollouts{}, Organization: &organization{}, Identity: identity{generation: new(int64)}, Sessions: sessions,
		Log: slog.New(slog.NewJSONHandler(&log, nil)),
	}
	adjust(&cfg)
	server, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler(), &log
}

// packedPage asks for a page as a browser does and returns it as it came and unpacked.
func (c *console) packedPage(path string) (answer, string) {
	c.t.Helper()
	r := c.request(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	got := c.send(r)
	if got.header.Get("Content-Encoding") != "gzip" {
		return got, got.body
	}
	unpacked, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		c.t.Fatalf("%s cannot be unpacked: %v", path, err)
	}
	return got, string(body)
}

func (c *console) watch(path string) events {
	c.t.Helper()
	return c.watchBy(path, "Accept", "text/event-stream")
}

// watchBy is watch with a header.
func (c *console) watchBy(path, header, value string) events {
	c.t.Helper()
	r := c.request(http.MethodGet, path, nil)
	r.Header.Set(header, value)
	got, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { got.Body.Close() })
	if kind := got.Header.Get("Content-Type"); got.StatusCode != http.StatusOK || kind != "text/event-stream" || got.Header.Get("Content-Encoding") != "" {
		body, _ := io.ReadAll(got.Body)
		c.t.Fatalf("status %d, %s: %s", got.StatusCode, kind, body)
	}
	return events{c.t, bufio.NewScanner(got.Body)}
}

// postForm sends a form whose fields may have several values.
func (c *console) postForm(path string, form url.Values) answer {
	c.t.Helper()
	var fields []string
	for name, values := range form {
		for _, v := range values {
			fields = append(fields, name, v)
		}
	}
	return c.post(path, fields...)
}
