package onboard

import (
	"testing"

	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

// TestSamePassesOverKeptOutUsers: the Deny for users who were removed from a role is no edit, unless it locks a user out.
func TestSamePassesOverKeptOutUsers(t *testing.T) {
	const (
		alice = `"arn:aws:iam::111122223333:user/alice"`
		carol = `"arn:aws:iam::111122223333:user/carol"`
		allow = `{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":` + alice + `},"Action":"sts:AssumeRole"}`
		// No mapping says this condition, so ReadGrants cannot read the document.
		odd = `{"Sid":"PortcullisOdd","Effect":"Deny","Principal":{"AWS":` + alice + `},"Action":"sts:AssumeRole",` +
			`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
		network = `{"Sid":"PortcullisDenyNetwork","Effect":"Deny","Principal":{"AWS":` + alice + `},"Action":"sts:AssumeRole",` +
			`"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24"]}}}`
		keeps = `{"Sid":"PortcullisDenyRevoked","Effect":"Deny","Principal":{"AWS":`
		end   = `},"Action":"sts:AssumeRole"}`
	)
	ours := func(statements ...string) string {
		t.Helper()
		list, err := iam.Ours(accesstest.Document(statements...))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for name, tc := range map[string]struct {
		a, b string
		want bool
	}{
		"carol is kept out":                 {ours(allow, network), ours(allow, network, keeps+carol+end), true},
		"carol is kept out of an odd one":   {ours(allow, odd), ours(allow, odd, keeps+carol+end), true},
		"both keep users out":               {ours(allow, odd, keeps+alice[:len(alice)-1]+`2"`+end), ours(allow, odd, keeps+carol+end), true},
		"alice is locked out":               {ours(allow, network), ours(allow, network, keeps+alice+end), false},
		"alice is locked out of an odd one": {ours(allow, odd), ours(allow, odd, keeps+alice+end), false},
		"another edit":                      {ours(allow, network), ours(allow, odd, keeps+carol+end), false},
	} {
		if got := Same(tc.a, tc.b); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
		if got := Same(tc.b, tc.a); got != tc.want {
			t.Errorf("%s, the other way round: got %t, want %t", name, got, tc.want)
		}
	}
}
