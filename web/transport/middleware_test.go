package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/webtest"
)

func lastRecord(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var record map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		t.Fatalf("%v in %q", err, log)
	}
	return record
}

func TestOnlyTrustedProxiesSayWhoIsThere(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for _, test := range []struct {
		name, peer, forwarded, want string
		trusted                     []netip.Prefix
	}{
		{"nobody is trusted", "192.0.2.1:5", "203.0.113.9", "192.0.2.1", nil},
		{"a trusted proxy", "192.0.2.1:5", "203.0.113.9", "203.0.113.9", trusted},
		{"a stranger", "198.51.100.1:5", "203.0.113.9", "198.51.100.1", trusted},
		{"a forged beginning", "192.0.2.1:5", "6.6.6.6, 203.0.113.9", "203.0.113.9", trusted},
		{"two proxies", "192.0.2.1:5", "203.0.113.9, 192.0.2.7", "203.0.113.9", trusted},
		{"an IPv6 proxy", "[2001:db8::1]:5", "203.0.113.9", "203.0.113.9", trusted},
		{"loopback is no proxy", "127.0.0.1:5", "203.0.113.9", "127.0.0.1", trusted},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, log := webtest.Serve(t, func(c *web.Config) { c.TrustedProxies = test.trusted })
			r := httptest.NewRequest(http.MethodGet, "http://localhost/signin", nil)
			r.RemoteAddr = test.peer
			r.Header.Set("X-Forwarded-For", test.forwarded)
			r.Header.Set("X-Real-IP", "6.6.6.6")
			handler.ServeHTTP(httptest.NewRecorder(), r)
			if got := lastRecord(t, log)["addr"]; got != test.want {
				t.Errorf("the caller is %v, want %s", got, test.want)
			}
		})
	}
}

func TestOneRecordPerRequestWithoutSecrets(t *testing.T) {
	handler, log := webtest.Serve(t, func(*web.Config) {})
	form := url.Values{"email": {"viewer@example.com"}, "password": {"correct horse battery"}}
	r := httptest.NewRequest(http.MethodPost, "http://localhost/signin", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Request-Id", "forged\nrecord")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet,
		"http://localhost/signin?token=hush", nil))
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	record := lastRecord(t, bytes.NewBufferString(strings.Split(log.String(), "\n")[0]))
	for field, want := range map[string]any{"method": "POST", "path": "/signin", "status": 303.0, "person": 1.0, "request_id": w.Header().Get("X-Request-Id")} {
		if record[field] != want {
			t.Errorf("%s is %v, want %v", field, record[field], want)
		}
	}
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	_, token, _ := strings.Cut(cookie, "=")
	for _, secret := range []string{"correct horse", "hush", "forged", token} {
		if secret == "" || strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestHTTPSIsRemembered(t *testing.T) {
	for address, want := range map[string]bool{"https://portcullis.example": true, "http://127.0.0.1:8080": false} {
		public, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		handler, _ := webtest.Serve(t, func(c *web.Config) { c.PublicURL = public })
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/signin", nil))
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != want {
			t.Errorf("%s: Strict-Transport-Security is sent: %v, want %v", address, got, want)
		}
	}
}

// deadStore is a session store whose database does not answer.
type deadStore struct{ *memstore.MemStore }

var errDown = errors.New("connection refused to 10.1.2.3")

func (deadStore) Find(string) ([]byte, bool, error) { return nil, false, errDown }

func (deadStore) Commit(string, []byte, time.Time) error { return errDown }

func TestSessionsThatCannotBeReadAreSaidSo(t *testing.T) {
	handler, log := webtest.Serve(t, func(c *web.Config) { c.Sessions.Store = deadStore{} })
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "anything"})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "The console cannot reach its database") || strings.Contains(w.Body.String(), "10.1.2.3") {
		t.Errorf("status %d:\n%s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "connection refused") {
		t.Error("the log does not hold the cause")
	}
}

func TestReadinessInDetail(t *testing.T) {
	handler, _ := webtest.Serve(t, func(c *web.Config) {
		c.Ready = func(context.Context) error { return access.Errorf(access.KindUnavailable, "AWS refuses.") }
		c.Checks = func(context.Context) []transport.Check {
			return []transport.Check{{Name: "one", Detail: "fine"}, {Name: "two", Detail: "broken", Failed: true}}
		}
	})
	for path, want := range map[string]string{
		"/readyz":         "not ready: AWS refuses.\n",
		"/readyz?verbose": "not ready: AWS refuses.\n[ok] one: fine\n[failed] two: broken\n",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
			t.Errorf("%s: status %d, %q, want 503 with %q", path, w.Code, w.Body.String(), want)
		}
	}
}

func TestReadiness(t *testing.T) {
	down := false
	handler, _ := webtest.Serve(t, func(c *web.Config) {
		c.Ready = func(context.Context) error {
			if down {
				return errDown
			}
			return nil
		}
	})
	for _, test := range []struct {
		path string
		down bool
		want int
	}{{"/readyz", false, 200}, {"/readyz", true, 503}, {"/healthz", true, 200}} {
		down = test.down
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+test.path, nil))
		if w.Code != test.want {
			t.Errorf("%s with the database down=%v: status %d, want %d", test.path, test.down, w.Code, test.want)
		}
		if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", test.path)
		}
	}
}
