package iam

import (
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func TestAdmittingStatements(t *testing.T) {
	const home = access.AccountID("111122223333")
	trust := doc(
		`{"Sid":"Root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`,
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`,
		`{"Sid":"ById","Effect":"Allow","Principal":{"AWS":"AIDACAROL"},"Action":"sts:AssumeRole"}`,
		`{"Sid":"Federated","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:TagSession"}`,
		`{"Sid":"Other","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/dave"},"Action":"sts:AssumeRole"}`,
		`{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:AssumeRole"}`,
		`{"Sid":"PortcullisDenyRevoked","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:AssumeRole"}`,
	)
	carol := access.UserName{Account: home, Path: "/", Name: "carol"}
	got := AdmittingStatements(trust, home, carol, "aws", "AIDACAROL")
	if want := []string{"Root", "#2", "ById"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := AdmittingStatements("no JSON", home, carol, "aws", ""); len(got) > 0 {
		t.Errorf("a document that cannot be read names %v", got)
	}
}
