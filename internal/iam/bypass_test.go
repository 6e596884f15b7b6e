package iam

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
)

// atHome evaluates for role Bob of the account 111122223333.
var atHome = TrustContext{
	Account: "111122223333", Partition: "aws", Role: access.RoleName{Path: "/", Name: "Bob"}, Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
}

func TestBypasses(t *testing.T) {
	const (
		root      = `{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","AIDADEAD"]},"Action":"sts:*"}`
		anybody   = `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`
		service   = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
		federated = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRoleWithSAML"}`
		denied    = `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
		ours      = `{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}`
		mfa       = `{"Sid":"PortcullisDenyMFA","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false","aws:PrincipalIsAWSService":"false"}}}`
		nets      = `{"Sid":"PortcullisDenyNetwork","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"},"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}}}`
		everyone  = `{"Sid":"PortcullisDenyEveryone","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
	)
	for name, tc := range map[string]struct {
		doc  string
		want []Bypass
	}{
		"no document":              {"", nil},
		"ours and harmless ones":   {doc(ours, service, federated, denied), nil},
		"the root and a ghost":     {doc(ours, root), []Bypass{{Statement: "Mine", Who: []string{"arn:aws:iam::111122223333:root", "AIDADEAD"}, How: "from anywhere"}}},
		"everybody, without a Sid": {doc(ours, anybody), []Bypass{{Statement: "#2", Who: []string{"*"}, How: "from anywhere"}}},
		"restricted by ours":       {doc(everyone, root), []Bypass{{Statement: "Mine", Who: []string{"arn:aws:iam::111122223333:root", "AIDADEAD"}, Restricted: true}}},
		"only asked for MFA":       {doc(mfa, root), []Bypass{{Statement: "Mine", Who: []string{"arn:aws:iam::111122223333:root", "AIDADEAD"}, How: "only with MFA, from any network"}}},
		"an Allow of ours":         {doc(strings.Replace(everyone, "Deny\",\"P", "Allow\",\"P", 1), root), []Bypass{{Statement: "Mine", Who: []string{"arn:aws:iam::111122223333:root", "AIDADEAD"}, How: "from anywhere"}}},
		"restricted by networks":   {doc(nets, root), []Bypass{{Statement: "Mine", Who: []string{"arn:aws:iam::111122223333:root", "AIDADEAD"}, Restricted: true}}},
		"denied by theirs":         {doc(denied, root), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Bypasses(tc.doc, atHome)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if _, err := Bypasses("{", atHome); err == nil {
		t.Error("a malformed document gives no error")
	}
}
