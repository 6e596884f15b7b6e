package webtest

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

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/transport"
)

// Console is a running console over fakes, and a browser.
type Console struct {
	t            *testing.T
	URL          string
	Changes      *changes
	Rollouts     *rollouts
	Organization *organization
	Client       *http.Client
	Noted        []noted
	Generation   int64
	Invited      authn.Invitation
	Bound        bool    // the admin counts together with Bea Bound
	Vouched      []int64 // for whom
	Revoked      atomic.Bool
	Browsers     []string // the proofs of known browsers that came with sign-ins
	Browser      string   // the proof that a sign-in returns
	Place        authn.Place
	Routes       []transport.Route
}

// Noon is the time at the consoles of the tests.
var Noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// New starts a console without a limit on calls of the API.
func New(t *testing.T) *Console { return NewPaced(t, -1) }

// NewPaced starts a console that takes so many calls of the API a second.
func NewPaced(t *testing.T, rate float64) *Console {
	t.Helper()
	return NewWith(t, func(cfg *web.Config) { cfg.APIRate = rate })
}

// NewWith starts a console whose settings a test has changed.
func NewWith(t *testing.T, settings func(*web.Config)) *Console {
	t.Helper()
	c := newConsole(t)
	cfg := fakeConfig(c)
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	settings(&cfg)
	server, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	c.URL, c.Routes = listening.URL, server.Routes()
	c.Client = &http.Client{Jar: NewJar(t), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// newConsole makes the fakes of a console.
func newConsole(t *testing.T) *Console {
	updates := make(chan access.Rollout, 8)
	return &Console{t: t, Changes: &changes{}, Rollouts: &rollouts{Updates: updates}, Organization: &organization{}}
}

// fakeConfig is the configuration of a console over fakes.
func fakeConfig(c *Console) web.Config {
	sessions := scs.New()
	sessions.Cookie.Secure = false
	people := identity{
		noted: &c.Noted, generation: &c.Generation, place: &c.Place, invited: &c.Invited, bound: &c.Bound, vouched: &c.Vouched,
		revoked: &c.Revoked, browser: browserProofs{&c.Browsers, &c.Browser},
	}
	return web.Config{
		Changes: c.Changes, Rollouts: c.Rollouts, Organization: c.Organization, Identity: people,
		Sessions: sessions, Replies: &replies{kept: map[string]access.IdempotentReply{}}, APIRate: -1,
		Now: func() time.Time { return Noon }, Version: "test",
	}
}

// NewJar is the cookie jar of one more browser.
func NewJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

// API asks the HTTP API as the owner of a token; "" sends none.
func (c *Console) API(path, who string, header ...string) Answer {
	c.t.Helper()
	r := c.Request(http.MethodGet, "/api/v1"+path, nil)
	if who != "" {
		r.Header.Set("Authorization", "Bearer token-"+who)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.Send(r)
}

// JSON decodes the answer, which must have a status.
func (a Answer) JSON(t *testing.T, status int) map[string]any {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, a.Body)
	}
	return got
}

// Tell sends JSON to the API as the owner of a token.
func (c *Console) Tell(method, path, who, body string, header ...string) Answer {
	c.t.Helper()
	r := c.Request(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token-"+who)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.Send(r)
}

// As signs a person of the tests in.
func (c *Console) As(name string) *Console {
	c.t.Helper()
	a := c.Post("/signin", "email", name+"@example.com", "password", "correct horse")
	if a.Status != http.StatusSeeOther {
		c.t.Fatalf("signing in %s: status %d", name, a.Status)
	}
	return c
}

// Send sends a request and reads the whole answer.
func (c *Console) Send(r *http.Request) Answer {
	c.t.Helper()
	got, err := c.Client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return Answer{got.StatusCode, got.Header, string(body)}
}

// Get asks for an address.
func (c *Console) Get(path string) Answer {
	c.t.Helper()
	return c.Send(c.Request(http.MethodGet, path, nil))
}

// Post sends a form; its fields are given as name and value in turn.
func (c *Console) Post(path string, fields ...string) Answer {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := c.Request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.Send(r)
}

// Request makes a request to the console.
func (c *Console) Request(method, path string, body io.Reader) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.URL+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// Page asks for a page, which must be there.
func (c *Console) Page(path string) Page {
	c.t.Helper()
	return c.Parse(c.Get(path), http.StatusOK)
}

// Parse reads an answer, which must have a status, as a page.
func (c *Console) Parse(a Answer, status int) Page {
	c.t.Helper()
	if a.Status != status {
		c.t.Fatalf("status %d, want %d:\n%s", a.Status, status, a.Body)
	}
	root, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		c.t.Fatal(err)
	}
	return Page{c.t, root}
}

// Upload sends a form with a file.
func (c *Console) Upload(path, name, content string, fields ...string) Answer {
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
	r := c.Request(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.Send(r)
}

// Says holds an answer's body against words.
func (a Answer) Says(t *testing.T, status int, wants ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d", a.Status, status)
	}
	for _, want := range wants {
		without, not := strings.CutPrefix(want, "!")
		if strings.Contains(a.Body, without) == not {
			t.Errorf("the page has %q: %v\n%s", without, not, a.Body)
		}
	}
}

// LeadsTo fails unless the answer sends the browser on to an address.
func (a Answer) LeadsTo(t *testing.T, where string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != where {
		t.Errorf("status %d to %q, want to be sent to %s", a.Status, a.Header.Get("Location"), where)
	}
}

// Example fills the parameters of a route's path.
func Example(path string) string {
	return strings.NewReplacer(":id", "7", ":account", "111122223333", ":hash", "0", "*", "nothing.css").Replace(path)
}

// FormRequest is a request as the console's own page would send it.
func (c *Console) FormRequest(method, path string) *http.Request {
	r := c.Request(method, path, strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// Did fails unless exactly this was asked of the service.
func (c *Console) Did(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.Changes.Did, want) {
		c.t.Errorf("asked of the service: %q, want %q", c.Changes.Did, want)
	}
}

// Went fails unless the answer sends the browser on to an address.
func (c *Console) Went(a Answer, to string) {
	c.t.Helper()
	if a.Status != 303 || a.Header.Get("Location") != to {
		c.t.Errorf("status %d to %q, want 303 to %q", a.Status, a.Header.Get("Location"), to)
	}
}

// Serve assembles a console by hand and returns it with what it logs.
func Serve(t *testing.T, adjust func(*web.Config)) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	cfg := fakeConfig(newConsole(t))
	cfg.Log, cfg.Now, cfg.Version, cfg.APIRate = slog.New(slog.NewJSONHandler(&log, nil)), nil, "", 0
	adjust(&cfg)
	server, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler(), &log
}

// PackedPage asks for a page as a browser does and returns it as it came and unpacked.
func (c *Console) PackedPage(path string) (Answer, string) {
	c.t.Helper()
	r := c.Request(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	got := c.Send(r)
	if got.Header.Get("Content-Encoding") != "gzip" {
		return got, got.Body
	}
	unpacked, err := gzip.NewReader(strings.NewReader(got.Body))
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		c.t.Fatalf("%s cannot be unpacked: %v", path, err)
	}
	return got, string(body)
}

// Watch opens a stream of events as the browser does.
func (c *Console) Watch(path string) Events {
	c.t.Helper()
	return c.WatchBy(path, "Accept", "text/event-stream")
}

// WatchBy opens a stream of events with a header.
func (c *Console) WatchBy(path, header, value string) Events {
	c.t.Helper()
	r := c.Request(http.MethodGet, path, nil)
	r.Header.Set(header, value)
	got, err := c.Client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { got.Body.Close() })
	if kind := got.Header.Get("Content-Type"); got.StatusCode != http.StatusOK || kind != "text/event-stream" || got.Header.Get("Content-Encoding") != "" {
		body, _ := io.ReadAll(got.Body)
		c.t.Fatalf("status %d, %s: %s", got.StatusCode, kind, body)
	}
	return Events{c.t, bufio.NewScanner(got.Body)}
}

// PostForm sends a form whose fields may have several values.
func (c *Console) PostForm(path string, form url.Values) Answer {
	c.t.Helper()
	var fields []string
	for name, values := range form {
		for _, v := range values {
			fields = append(fields, name, v)
		}
	}
	return c.Post(path, fields...)
}
