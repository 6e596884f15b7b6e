package fault

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// recorder is a proxy of an emulator that keeps no record. It keeps one of the calls of IAM that were answered.
type recorder struct {
	endpoint string

	mu    sync.Mutex
	owner map[string]access.AccountID // of the access keys of sessions
	calls []recorded
}

// recorded is one call.
type recorded struct {
	account  access.AccountID
	action   string
	name     string // of the role or user
	document string
}

func (c recorded) reads(account access.AccountID, role string) bool {
	if c.account != account {
		return false
	}
	return c.action == "GetRole" && c.name == role || c.action == "GetAccountAuthorizationDetails"
}

func record(t *testing.T, endpoint string) *recorder {
	t.Helper()
	target, err := url.Parse(endpoint)
	must(t, err)
	r := &recorder{owner: map[string]access.AccountID{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
		req.Header.Set("Accept-Encoding", "identity") // so that the answer can be read
		answer := &copied{ResponseWriter: w, status: http.StatusOK}
		proxy.ServeHTTP(answer, req)
		if answer.status == http.StatusOK {
			r.note(req, sent, answer.body.Bytes())
		}
	}))
	t.Cleanup(server.Close)
	r.endpoint = server.URL
	return r
}

// copied is an answer that is kept while it is sent.
type copied struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (c *copied) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}

func (r *recorder) note(req *http.Request, sent, answer []byte) {
	form, err := url.ParseQuery(string(sent))
	if err != nil || form.Get("Action") == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if form.Get("Action") == "AssumeRole" {
		var out struct {
			Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		}
		if account, _, ok := access.ParseRoleARN(form.Get("RoleArn")); ok && xml.Unmarshal(answer, &out) == nil {
			r.owner[out.Key] = account
		}
		return
	}
	_, credential, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	r.calls = append(r.calls, recorded{
		account: r.owner[key], action: form.Get("Action"), name: form.Get("RoleName") + form.Get("UserName"),
		document: form.Get("PolicyDocument"),
	})
}

// since returns the calls after the first n.
func (r *recorder) since(n int) []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]recorded(nil), r.calls[n:]...)
}
