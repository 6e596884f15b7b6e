package aws_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// faultyProxy answers each AssumeRole with the first answer that it saw, as a proxy with a
// broken cache does. With forge set, it puts the expected account into the answer's ARN.
type faultyProxy struct {
	forge string // "from to": accounts to exchange in the kept answer; "" for none

	mu   sync.Mutex
	kept []byte
}

func (p *faultyProxy) start(t *testing.T, endpoint string) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{ModifyResponse: p.replay, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the signature covers it
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("Action=AssumeRole&")) {
			r.Header.Set("X-Test-Assume", "yes")
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (p *faultyProxy) replay(r *http.Response) error {
	if r.Request.Header.Get("X-Test-Assume") == "" {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = body
	}
	answer := string(p.kept)
	if from, to, ok := strings.Cut(p.forge, " "); ok && !bytes.Equal(p.kept, body) {
		answer = strings.ReplaceAll(answer, from, to)
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(answer)), int64(len(answer))
	r.Header.Del("Content-Length")
	return nil
}

// TestSessionOfAnotherAccountIsRefused opens a session in one account, and then one in another
// through a proxy that returns the first answer again. Nothing may be written with it.
func TestSessionOfAnotherAccountIsRefused(t *testing.T) {
	t.Parallel()
	for name, forged := range map[string]bool{"the ARN names the other account": false, "the ARN is forged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := newWorld(t, sandbox.Config{})
			first, second := direct.account(t, "web-prod"), direct.account(t, "payments-nonprod")
			proxy := &faultyProxy{}
			if forged {
				proxy.forge = string(first.ID) + " " + string(second.ID)
			}
			k := direct.org.Credentials()[0]
			cloud, err := aws.New(t.Context(), aws.Config{
				Endpoint: proxy.start(t, direct.endpoint), AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey,
				IAMRate: -1, STSRate: -1, OrganizationsRate: -1,
			})
			if err != nil {
				t.Fatal(err)
			}
			wr := access.Write{Resource: role("Bob"), Document: userSidePolicy(first.ID, "alice")}
			if err := cloud.Write(t.Context(), scope(first, wr.Resource), wr); err != nil {
				t.Fatalf("in the account whose answer is right: %v", err)
			}
			before := len(direct.org.Calls())
			wr.Document = userSidePolicy(second.ID, "alice")
			err = cloud.Write(t.Context(), scope(second, wr.Resource), wr)
			if got, want := access.CloudClassOf(err), access.CloudWrongAccount; got != want {
				t.Errorf("got class %q (%v), want %q", got, err, want)
			}
			for _, c := range direct.org.Calls()[before:] {
				if strings.HasPrefix(c.Action, "iam:") {
					t.Errorf("%s was called in account %s with the wrong session", c.Action, c.Account)
				}
			}
			if err != nil && (!strings.Contains(err.Error(), string(first.ID)) || !strings.Contains(err.Error(), string(second.ID))) {
				t.Errorf("the error names not both accounts: %v", err)
			}
		})
	}
}
