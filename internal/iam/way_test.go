package iam_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

var trustNow = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func trustAt() iam.TrustContext {
	return iam.TrustContext{Account: "111122223333", Role: access.RoleName{Path: "/", Name: "Bob"}, Now: trustNow}
}

// judgedCall is a call by a user of the vendor's account, with these keys in addition.
func judgedCall(extra judge.Keys) judge.Request {
	const user = "arn:aws:iam::999999999999:user/portcullis-somebody"
	keys := judge.Keys{
		"aws:username": "portcullis-somebody", "aws:principalarn": user, "aws:principalaccount": "999999999999",
		"aws:principaltype": "User", "aws:principalisawsservice": "false", "aws:viaawsservice": "false", "aws:securetransport": "true",
		"aws:currenttime": trustNow.Format(time.RFC3339), "sts:rolesessionname": "portcullis-somebody",
	}
	for k, v := range extra {
		keys[k] = v
	}
	return judge.Request{
		Principal: judge.Principal{ARN: user, ID: "AIDASOMEBODY", Account: "999999999999"}, Action: "sts:AssumeRole",
		Resource: "arn:aws:iam::111122223333:role/Bob", Keys: keys,
	}
}

func judgeAllows(t *testing.T, document string, extra judge.Keys) bool {
	t.Helper()
	trust, err := judge.Parse(document, judge.TrustPolicy)
	if err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	all, err := judge.Parse(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, judge.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	own := judge.Policies{Identity: []*judge.Document{all}}
	return judge.DecideTrust(judgedCall(extra), "111122223333", trust, own).Allowed
}

func from(addr string, more ...string) judge.Keys {
	keys := judge.Keys{"aws:sourceip": addr}
	for i := 0; i < len(more); i += 2 {
		keys[more[i]] = more[i+1]
	}
	return keys
}

// TestWaysIntoARole: how a statement of others lets a vendor's account in, said in words. A second evaluator decides
// calls that the sentence speaks of.
func TestWaysIntoARole(t *testing.T) {
	t.Parallel()
	allow := func(condition string) string {
		return `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:AssumeRole"` + condition + `}`
	}
	deny := func(who, condition string) string {
		return `,{"Sid":"No","Effect":"Deny","Principal":` + who + `,"Action":"sts:*"` + condition + `}`
	}
	when := func(condition string) string { return `,"Condition":{` + condition + `}` }
	const (
		stranger = "198.51.100.9"
		network  = `"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`
		endpoint = `"StringEquals":{"aws:SourceVpce":"vpce-1"}`
		external = `"StringEquals":{"sts:ExternalId":"acme"}`
		all      = `{"AWS":"*"}`
	)
	through := judge.Keys{"aws:sourcevpce": "vpce-1"}
	for name, c := range map[string]struct {
		statements      string
		want            string // "" for a statement that lets no call through
		allowed, denied []judge.Keys
	}{
		"no condition": {
			allow(""), "from anywhere", []judge.Keys{from(stranger), from("2001:db8::9"), through}, nil,
		},
		"a network": {
			allow(when(network)), "from 203.0.113.0/24 (condition of the statement)",
			[]judge.Keys{from("203.0.113.9")},
			[]judge.Keys{from(stranger), through},
		},
		"the whole internet": {
			allow(when(`"IpAddress":{"aws:SourceIp":["0.0.0.0/0","::/0"]}`)), "from anywhere", []judge.Keys{from(stranger), from("2001:db8::9")}, nil,
		},
		"half of the internet": {
			allow(when(`"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}`)), "from 0.0.0.0/0 (condition of the statement)",
			[]judge.Keys{from(stranger)},
			[]judge.Keys{from("2001:db8::9")},
		},
		"a network, or through an endpoint": {
			allow(when(`"IpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}`)), "from 203.0.113.0/24 or through a VPC endpoint",
			[]judge.Keys{from("203.0.113.9"), through},
			[]judge.Keys{from(stranger)},
		},
		"all networks but one": {
			allow(when(`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`)), "from networks other than 203.0.113.0/24 or through a VPC endpoint",
			[]judge.Keys{from(stranger), through},
			[]judge.Keys{from("203.0.113.9")},
		},
		"an external id": {
			allow(when(external)), "only with the external id acme, from any network",
			[]judge.Keys{from(stranger, "sts:externalid", "acme")},
			[]judge.Keys{from(stranger)},
		},
		"a network and an external id": {
			allow(when(network + `,` + external)), "from 203.0.113.0/24 (condition of the statement), only with the external id acme",
			[]judge.Keys{from("203.0.113.9", "sts:externalid", "acme")},
			[]judge.Keys{from("203.0.113.9"), from(stranger, "sts:externalid", "acme")},
		},
		"a VPC endpoint": {
			allow(when(endpoint)), "only through VPC endpoint vpce-1", []judge.Keys{through}, []judge.Keys{from(stranger)},
		},
		"a VPC": {
			allow(when(`"StringEquals":{"aws:SourceVpc":"vpc-1"}`)), "only from VPC vpc-1",
			[]judge.Keys{{"aws:sourcevpc": "vpc-1"}},
			[]judge.Keys{from(stranger)},
		},
		"a network and an endpoint at once": {
			allow(when(network + `,` + endpoint)),
			"",
			nil,
			[]judge.Keys{from("203.0.113.9"), through},
		},
		"MFA": {
			allow(when(`"Bool":{"aws:MultiFactorAuthPresent":"true"}`)), "only with MFA, from any network",
			[]judge.Keys{from(stranger, "aws:multifactorauthpresent", "true")},
			[]judge.Keys{from(stranger)},
		},
		"a date that has passed": {
			allow(when(`"DateLessThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}`)),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},
		"a date to come": {
			allow(when(`"DateLessThan":{"aws:CurrentTime":"2027-06-01T00:00:00Z"}`)), "only until 2027-06-01 00:00 UTC, from any network",
			[]judge.Keys{from(stranger)},
			[]judge.Keys{from(stranger, "aws:currenttime", "2027-06-02T00:00:00Z")},
		},
		"a beginning that has passed": {
			allow(when(`"DateGreaterThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}`)),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a beginning to come": {
			allow(when(`"DateGreaterThan":{"aws:CurrentTime":"2027-06-01T00:00:00Z"}`)), "only after 2027-06-01 00:00 UTC, from any network",
			[]judge.Keys{from(stranger, "aws:currenttime", "2027-06-02T00:00:00Z")},
			[]judge.Keys{from(stranger)},
		},
		"an organization": {
			allow(when(`"StringEquals":{"aws:PrincipalOrgID":"o-1"}`)),
			"under a condition that the console does not evaluate: StringEquals aws:PrincipalOrgID o-1", nil,
			[]judge.Keys{from(stranger)},
		},
		"a condition that calls always meet": {
			allow(when(`"Bool":{"aws:SecureTransport":"true"}`)),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a condition that no call meets": {
			allow(when(`"Bool":{"aws:ViaAWSService":"true"}`)),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},
		"another account": {
			allow(when(`"StringEquals":{"aws:PrincipalAccount":"123456789012"}`)),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},

		"a Deny of all calls": {allow("") + deny(all, ""), "", nil, []judge.Keys{from(stranger), through}},
		"a Deny of the account": {
			allow("") + deny(`{"AWS":"arn:aws:iam::999999999999:root"}`, ""),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},
		"a Deny of another account": {
			allow("") + deny(`{"AWS":"123456789012"}`, ""),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a Deny of one user": {
			allow("") + deny(`{"AWS":"arn:aws:iam::999999999999:user/zoe"}`, ""),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a Deny of all but a network": {
			allow("") + deny(all, when(`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`)),
			"from 203.0.113.0/24 (statement No)",
			[]judge.Keys{from("203.0.113.9")},
			[]judge.Keys{from(stranger), through},
		},
		"a Deny of a network": {
			allow("") + deny(all, when(network)),
			"from networks other than 203.0.113.0/24 or through a VPC endpoint",
			[]judge.Keys{from(stranger), through},
			[]judge.Keys{from("203.0.113.9")},
		},
		"a Deny without the external id": {
			allow("") + deny(all, when(`"StringNotEquals":{"sts:ExternalId":"acme"}`)),
			"only with the external id acme, from any network",
			[]judge.Keys{from(stranger, "sts:externalid", "acme")},
			[]judge.Keys{from(stranger)},
		},
		"two external ids at once": {
			allow(when(external)) + deny(all, when(`"StringNotEquals":{"sts:ExternalId":"other"}`)),
			"",
			nil,
			[]judge.Keys{from(stranger, "sts:externalid", "acme")},
		},
		"two networks that do not meet": {
			allow(when(network)) + deny(all, when(`"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}`)),
			"",
			nil,
			[]judge.Keys{from("203.0.113.9"), from("8.8.8.8")},
		},
		"a Deny that has ended": {
			allow("") + deny(all, when(`"DateLessThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}`)),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a Deny that has begun": {
			allow("") + deny(all, when(`"DateGreaterThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}`)),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},
		"a Deny under a strange condition": {
			allow("") + deny(all, when(`"StringEquals":{"aws:PrincipalTag/team":"x"}`)),
			"under a condition that the console does not evaluate: StringEquals aws:PrincipalTag/team x",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"a Deny of a network or an endpoint": {
			allow("") + deny(
				all,
				when(`"NotIpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}`),
			),
			"from 203.0.113.0/24 or through VPC endpoint vpce-1 (statement No)",
			[]judge.Keys{from("203.0.113.9"), through},
			[]judge.Keys{from(stranger), {"aws:sourcevpce": "vpce-2"}},
		},
		"a Deny of all but some": {
			`{"Sid":"No","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/zoe"},"Action":"sts:AssumeRole"},` + allow(""),
			"under a condition that the console does not evaluate: statement No, which may deny it",
			nil,
			nil,
		},
		"a Deny of another action": {
			allow("") + strings.Replace(deny(all, ""), "sts:*", "sts:TagSession", 1),
			"from anywhere",
			[]judge.Keys{from(stranger)},
			nil,
		},
		"an Allow of another action": {
			strings.Replace(allow(""), "sts:AssumeRole", "sts:TagSession", 1),
			"",
			nil,
			[]judge.Keys{from(stranger)},
		},
		"a session name": {
			allow(when(`"StringEquals":{"sts:RoleSessionName":"deploy"}`)),
			"only with the session name deploy, from any network",
			[]judge.Keys{from(stranger, "sts:rolesessionname", "deploy")},
			[]judge.Keys{from(stranger)},
		},
		"an operator that is unknown": {
			allow(when(`"IpAddressMaybe":{"aws:SourceIp":"203.0.113.0/24"}`)),
			"under a condition that the console does not evaluate: IpAddressMaybe aws:SourceIp 203.0.113.0/24",
			nil,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := `{"Version":"2012-10-17","Statement":[` + c.statements + `]}`
			bs, err := iam.Bypasses(document, trustAt())
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, b := range bs {
				got += b.How
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, keys := range c.allowed {
				if !judgeAllows(t, document, keys) {
					t.Errorf("the judge denies a call with %v, and the sentence is %q", keys, got)
				}
			}
			for _, keys := range c.denied {
				if judgeAllows(t, document, keys) {
					t.Errorf("the judge allows a call with %v, and the sentence is %q", keys, got)
				}
			}
		})
	}
}
