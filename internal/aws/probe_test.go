package aws_test

import (
	"fmt"
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func TestProbe(t *testing.T) {
	w := newWorld(t, sandbox.Config{Accounts: 6})
	all := w.org.Credentials()
	alice := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == "alice" })]
	p, err := aws.NewProber(t.Context(), aws.Config{Endpoint: w.endpoint, AccessKeyID: alice.AccessKeyID, SecretAccessKey: alice.SecretAccessKey, STSRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	account, bob := access.Account{ID: alice.Account}, access.RoleName{Path: "/", Name: "Bob"}
	role := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	user := fmt.Sprintf("arn:aws:iam::%s:user/alice", alice.Account)
	for _, c := range []struct {
		only string
		want bool
	}{{"127.0.0.0/8", true}, {"198.51.100.0/24", false}} {
		trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:RoleSessionName":"alice"}}},
			{"Effect":"Deny","Principal":{"AWS":%q},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":%q}}}]}`, user, user, c.only)
		if err := w.Write(t.Context(), access.Scope{Account: account, Resources: []access.Resource{role}, SessionName: "test"}, access.Write{Resource: role, Document: trust}); err != nil {
			t.Fatal(err)
		}
		got, err := p.Probe(t.Context(), account, bob)
		if err != nil || got.Allowed != c.want || got.Allowed == (got.Message != "") {
			t.Errorf("from an address that is let in only from %s: %+v, %v; want allowed %v", c.only, got, err, c.want)
		}
	}
	for _, code := range []string{"InvalidClientTokenId", "ExpiredTokenException", "SignatureDoesNotMatch", "RegionDisabledException"} {
		w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"sts:AssumeRole"}, Fail: 1, Status: 403, Code: code}}})
		if got, err := p.Probe(t.Context(), account, bob); err == nil {
			t.Errorf("%s counts as a refusal by the role: %+v; it does not say who is let in", code, got)
		}
	}
	if _, err := aws.NewProber(t.Context(), aws.Config{Endpoint: w.endpoint, AccessKeyID: alice.AccessKeyID}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("a prober without a secret: %v, want KindInvalid", err)
	}
}
