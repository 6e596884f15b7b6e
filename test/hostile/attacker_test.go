package hostile

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
	"portcullis.internal/portcullis/web/transport"
)

// attacker sends whatever they like, with a session, a token, both or neither.
type attacker struct {
	t      *testing.T
	name   string
	base   string
	client *http.Client
	token  string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) nobody(t *testing.T) *attacker {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &attacker{t: t, name: "nobody", base: w.URL(), client: &http.Client{
		Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as is somebody of a role, with a session and a token.
func (w *world) as(t *testing.T, role string) *attacker {
	t.Helper()
	p, ok := w.people[role]
	if !ok {
		t.Fatalf("there is nobody of the role %s", role)
	}
	return w.signedIn(t, p)
}

func (w *world) signedIn(t *testing.T, p harness.Person) *attacker {
	t.Helper()
	a := w.nobody(t)
	a.name, a.token = p.Name, p.Token
	in := a.form("/signin", url.Values{"email": {p.Email()}, "password": {p.Password}})
	if in.status != http.StatusSeeOther || strings.HasPrefix(in.header.Get("Location"), "/signin") {
		t.Fatalf("%s cannot sign in: %d %s", p.Name, in.status, in.header.Get("Location"))
	}
	return a
}

// try sends a route's request as its own clients do: a form with the session, or JSON
// with the token.
func (a *attacker) try(r transport.Route, path, body string, header ...string) answer {
	a.t.Helper()
	kind := "application/x-www-form-urlencoded"
	if r.API {
		kind = "application/json"
		header = append(header, "Authorization", "Bearer "+a.token)
	}
	if reads(r) {
		body = ""
	}
	return a.send(r.Method, path, body, append([]string{"Content-Type", kind}, header...)...)
}

func (a *attacker) form(path string, values url.Values) answer {
	a.t.Helper()
	return a.send(http.MethodPost, path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (a *attacker) get(path string, header ...string) answer {
	a.t.Helper()
	return a.send(http.MethodGet, path, "", header...)
}

// send sends a request. Somebody who is told to wait does, and sends it again.
func (a *attacker) send(method, path, body string, header ...string) answer {
	a.t.Helper()
	for {
		got := a.once(method, path, body, header...)
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != http.StatusTooManyRequests || err != nil || wait > 5 {
			return got
		}
		pause := time.NewTimer(time.Duration(wait) * time.Second)
		<-pause.C
	}
}

// streamFor is how long a stream is listened to that does not end by itself.
const streamFor = 2 * time.Second

func (a *attacker) once(method, path, body string, header ...string) answer {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := a.client.Do(r)
	if err != nil {
		a.t.Fatalf("%s %s as %s: %v", method, path, a.name, err)
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		time.AfterFunc(streamFor, cancel)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, io.ErrUnexpectedEOF) {
		a.t.Fatalf("%s %s as %s: %v", method, path, a.name, err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// refusedAsNobody reports whether an answer sends the caller to sign in.
func (a answer) refusedAsNobody(r transport.Route) bool {
	if r.API {
		return a.status == http.StatusUnauthorized && a.header.Get("Content-Type") == "application/problem+json"
	}
	return a.status == http.StatusSeeOther && strings.HasPrefix(a.header.Get("Location"), "/signin")
}

func clip(s string) string { return s[:min(len(s), 600)] }
