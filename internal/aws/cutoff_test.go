package aws_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// cutting is a proxy between the console and the sandbox that cuts off answers of IAM in the
// middle, as many as it is told.
func cutting(t *testing.T, w world) (*aws.Cloud, *atomic.Int64) {
	t.Helper()
	to, err := url.Parse(w.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cuts, relay := &atomic.Int64{}, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/iam/") || cuts.Add(-1) < 0 {
			relay.ServeHTTP(out, r)
			return
		}
		out.Header().Set("Content-Type", "text/xml")
		out.Header().Set("Content-Length", "5000")
		_, _ = out.Write([]byte("<GetRoleResponse><GetRoleResult><Role><Path>/</Path>"))
	}))
	t.Cleanup(server.Close)
	k := w.org.Credentials()[0]
	cloud, err := aws.New(t.Context(), aws.Config{
		Endpoint: server.URL, AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, BackoffBase: 1, BackoffCap: 2, IAMRate: -1, STSRate: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cloud, cuts
}

// An answer that is broken off in its middle is as good as none: it is asked for again,
// and in the end it is the network that is to blame and not the account.
func TestAnswersBrokenOffInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	cloud, cuts := cutting(t, w)
	cuts.Store(2)
	docs, err := cloud.Read(t.Context(), scope(a), []access.Resource{role("Bob")})
	if err != nil || !docs[0].Exists {
		t.Errorf("after two answers were broken off: %v, %+v", err, docs)
	}
	cuts.Store(1000)
	if _, err := cloud.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); access.CloudClassOf(err) != access.CloudUnreachable {
		t.Errorf("where each is broken off: %q (%v), want unreachable", access.CloudClassOf(err), err)
	}
}
