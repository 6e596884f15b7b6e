package iam

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

func aliceFrom(addr string) Request {
	r := Request{
		Principal: access.UserName{Account: "111122223333", Path: "/", Name: "alice"}, Role: access.RoleName{Path: "/", Name: "Bob"},
		RoleAccount: "111122223333", Partition: "aws", Now: testNow,
	}
	if addr != "" {
		r.SourceIP = netip.MustParseAddr(addr)
	}
	return r
}

const (
	allowRoot  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	namedOther = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/alice"},"Action":"sts:AssumeRole"}`
	allowOther = `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}`
	ownAllow   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"arn:aws:iam::*:role/B?b"}}`
)

func TestEvaluateAccountsAndPrincipals(t *testing.T) {
	other := aliceFrom("8.8.8.8")
	other.Principal.Account = "444455556666"
	withID := aliceFrom("8.8.8.8")
	withID.PrincipalID = "AIDAALICE"
	for name, tc := range map[string]struct {
		req  Request
		role string
		own  []string
		want Verdict
	}{
		"same account, named: enough":                    {aliceFrom("8.8.8.8"), doc(allowAlice), nil, Allowed},
		"same account, root: needs own policy":           {aliceFrom("8.8.8.8"), doc(allowRoot), nil, Denied},
		"same account, root, own policy":                 {aliceFrom("8.8.8.8"), doc(allowRoot), []string{ownAllow}, Allowed},
		"own policy alone":                               {aliceFrom("8.8.8.8"), doc(allowOther), []string{ownAllow}, Denied},
		"across accounts, without own policy":            {other, doc(allowOther), nil, Denied},
		"across accounts, with both":                     {other, doc(allowOther), []string{ownAllow}, Allowed},
		"across accounts, named, without own policy":     {other, doc(namedOther), nil, Denied},
		"across accounts, named, with own policy":        {other, doc(namedOther), []string{ownAllow}, Allowed},
		"explicit deny in the own policy":                {aliceFrom("8.8.8.8"), doc(allowAlice), []string{`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`}, Denied},
		"deny for the root strikes the user":             {aliceFrom("8.8.8.8"), doc(allowAlice, `{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"*"}`), nil, Denied},
		"the user name is case-sensitive":                {aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "alice", "Alice", 1)), nil, Denied},
		"the path counts":                                {aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "user/", "user/ops/", 1)), nil, Denied},
		"actions ignore case":                            {aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "sts:AssumeRole", "STS:assumer*", 1)), nil, Allowed},
		"another action":                                 {aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "sts:AssumeRole", "sts:TagSession", 1)), nil, Denied},
		"a unique id that is not known":                  {aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "arn:aws:iam::111122223333:user/alice", "AIDAALICE", 1)), nil, CannotTell},
		"a unique id that is known":                      {withID, doc(strings.Replace(allowAlice, "arn:aws:iam::111122223333:user/alice", "AIDAALICE", 1)), nil, Allowed},
		"a deny of a unique id that is not known":        {aliceFrom("8.8.8.8"), doc(allowAlice, `{"Effect":"Deny","Principal":{"AWS":"AIDAX"},"Action":"*"}`), nil, CannotTell},
		"a service is no user":                           {aliceFrom("8.8.8.8"), doc(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`), []string{ownAllow}, Denied},
		"malformed trust policy":                         {aliceFrom("8.8.8.8"), `{"Statement":`, nil, CannotTell},
		"malformed own policy that cannot matter":        {aliceFrom("8.8.8.8"), doc(allowOther), []string{`{`}, Denied},
		"malformed own policy might deny":                {aliceFrom("8.8.8.8"), doc(allowAlice), []string{`{`}, CannotTell},
		"NotPrincipal":                                   {aliceFrom("8.8.8.8"), doc(allowAlice, `{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"*"}`), nil, CannotTell},
		"an Allow with NotPrincipal":                     {aliceFrom("8.8.8.8"), doc(`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"}`), []string{ownAllow}, CannotTell},
		"an Allow for nobody":                            {aliceFrom("8.8.8.8"), doc(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), []string{ownAllow}, CannotTell},
		"an unknown element":                             {aliceFrom("8.8.8.8"), doc(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","New":1}`), nil, CannotTell},
		"no trust policy":                                {aliceFrom("8.8.8.8"), "", []string{ownAllow}, Denied},
		"own policy with NotResource, the role":          {aliceFrom("8.8.8.8"), doc(allowRoot), []string{`{"Statement":{"Effect":"Allow","Action":"*","NotResource":"arn:aws:iam::111122223333:role/Bob"}}`}, Denied},
		"own policy with NotResource, another role":      {aliceFrom("8.8.8.8"), doc(allowRoot), []string{`{"Statement":{"Effect":"Allow","Action":"*","NotResource":"arn:aws:iam::111122223333:role/Eve"}}`}, Allowed},
		"a deny of every other role":                     {aliceFrom("8.8.8.8"), doc(allowAlice), []string{`{"Statement":{"Effect":"Deny","Action":"*","NotResource":"arn:aws:iam::111122223333:role/Eve"}}`}, Denied},
		"a resource with an escaped star is no wildcard": {aliceFrom("8.8.8.8"), doc(allowRoot), []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::111122223333:role/${*}"}}`}, Denied},
	} {
		t.Run(name, func(t *testing.T) {
			got := Evaluate(tc.req, tc.role, tc.own)
			if got.Verdict != tc.want {
				t.Errorf("%s (%s), want %s", got.Verdict, got.Sentence, tc.want)
			}
			if strings.Contains(got.Sentence, "  ") || !strings.HasSuffix(got.Sentence, ".") {
				t.Errorf("not a sentence: %q", got.Sentence)
			}
		})
	}
}

// TestEvaluateConditions checks a Deny for everyone under a condition: denied is the
// condition true, allowed false.
func TestEvaluateConditions(t *testing.T) {
	ip := aliceFrom("203.0.113.7")
	none := aliceFrom("")
	vpc := aliceFrom("10.0.0.1")
	vpc.SourceVPC = "vpc-11111111"
	mfa := aliceFrom("203.0.113.7")
	mfa.MFA, mfa.MFAAge = true, 20*time.Minute
	named := aliceFrom("203.0.113.7")
	named.SessionName = "alice"
	kim := aliceFrom("203.0.113.7")
	kim.SessionName = "kim"
	bucket := aliceFrom("203.0.113.7")
	bucket.ExternalID = "arn:aws:s3:::b:c:user/a"
	for _, tc := range []struct {
		name, condition string
		req             Request
		want            Verdict
	}{
		// The table of docs/aws-facts.md, "Missing condition keys".
		{"IpAddress in", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, ip, Denied},
		{"IpAddress out", `{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, ip, Allowed},
		{"IpAddress absent", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, none, Allowed},
		{"IpAddressIfExists absent", `{"IpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}}`, none, Denied},
		{"NotIpAddress in", `{"NotIpAddress":{"aws:SourceIp":["198.51.100.0/24","203.0.113.7"]}}`, ip, Allowed},
		{"NotIpAddress out", `{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, ip, Denied},
		{"NotIpAddress absent", `{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, none, Denied},
		{"NotIpAddressIfExists absent", `{"NotIpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}}`, none, Denied},
		{"NotIpAddress through an endpoint", `{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, vpc, Denied},
		{"keys ignore case", `{"NotIpAddress":{"AWS:sourceip":"203.0.113.0/24"}}`, ip, Allowed},
		{"an address that is none", `{"NotIpAddress":{"aws:SourceIp":"office"}}`, ip, CannotTell},
		{"a bare IPv6 address, which may mean its /32", `{"NotIpAddress":{"aws:SourceIp":"2001:db8:12::7"}}`, aliceFrom("2001:db8:13::1"), CannotTell},
		{"a bare IPv6 address itself", `{"NotIpAddress":{"aws:SourceIp":"2001:db8:12::7"}}`, aliceFrom("2001:db8:12::7"), Allowed},
		{"a bare IPv6 address, far away", `{"NotIpAddress":{"aws:SourceIp":"2001:db8:12::7"}}`, aliceFrom("2001:db9::1"), Denied},
		{"a bare IPv4 address is the one", `{"NotIpAddress":{"aws:SourceIp":"203.0.113.8"}}`, ip, Denied},
		{"an empty list", `{"NotIpAddress":{"aws:SourceIp":[]}}`, ip, CannotTell},
		{"combined, the VPC", `{"NotIpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-11111111"}}`, vpc, Allowed},
		{"combined, another VPC", `{"NotIpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-22222222"}}`, vpc, Denied},
		{"combined, listed address", `{"NotIpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-22222222"}}`, ip, Allowed},
		{"combined, other address", `{"NotIpAddressIfExists":{"aws:SourceIp":"198.51.100.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-22222222"}}`, ip, Denied},
		{"VpcSourceIp", `{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}`, vpc, Denied},

		{"MFA missing, IfExists", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, ip, Denied},
		{"MFA missing, plain: absent or false", `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, ip, CannotTell},
		{"MFA shown", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, mfa, Allowed},
		{"MFA as a JSON bool", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":false}}`, ip, Denied},
		{"MFA age, recent", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"3600"}}`, mfa, Allowed},
		{"MFA age, old", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":600}}`, mfa, Denied},
		{"MFA age, exactly", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":1200}}`, mfa, Allowed},
		{"MFA age, none", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"3600"}}`, ip, Denied},
		{"not a number", `{"NumericLessThan":{"aws:MultiFactorAuthAge":"NaN"}}`, mfa, CannotTell},
		{"a number of C", `{"NumericEquals":{"aws:MultiFactorAuthAge":"0x4b0"}}`, mfa, CannotTell},
		{"a number with underscores", `{"NumericEquals":{"aws:MultiFactorAuthAge":"1_200"}}`, mfa, CannotTell},
		{"a number with an exponent", `{"NumericEquals":{"aws:MultiFactorAuthAge":1.2e3}}`, mfa, CannotTell},
		{"a number without end", `{"NumericLessThan":{"aws:MultiFactorAuthAge":"inf"}}`, mfa, CannotTell},
		{"a number with a leading zero", `{"NumericEquals":{"aws:MultiFactorAuthAge":"01200"}}`, mfa, CannotTell},
		{"a number that float64 rounds", `{"NumericEquals":{"aws:MultiFactorAuthAge":"1200.00000000000000000001"}}`, mfa, Allowed},
		{"seconds in another spelling", `{"DateGreaterThan":{"aws:CurrentTime":"1_000"}}`, ip, CannotTell},
		{"no number", `{"NumericLessThan":{"aws:MultiFactorAuthAge":"soon"}}`, mfa, CannotTell},

		{"session name is the user", `{"StringNotEquals":{"sts:RoleSessionName":"${aws:username}"}}`, named, Allowed},
		{"session name missing", `{"StringNotEquals":{"sts:RoleSessionName":"${aws:username}"}}`, ip, Denied},
		{"StringLike", `{"StringLike":{"sts:RoleSessionName":"al*"}}`, named, Denied},
		{"StringEquals has no wildcards", `{"StringEquals":{"sts:RoleSessionName":"al*"}}`, named, Allowed},
		{"IgnoreCase", `{"StringEqualsIgnoreCase":{"sts:RoleSessionName":"ALICE"}}`, named, Denied},
		{"IgnoreCase folds ASCII only", `{"StringEqualsIgnoreCase":{"sts:RoleSessionName":"\u212Aim"}}`, kim, Allowed},
		{"Bool folds ASCII only", `{"Bool":{"aws:SecureTransport":["true","fal\u017Fe"]}}`, ip, Denied},
		{"an operator in other letters", `{"StringLi\u212Ae":{"aws:username":"alice"}}`, ip, CannotTell},
		{"a key in other letters", `{"StringEquals":{"aw\u017F:username":"bob"}}`, ip, CannotTell},
		{"a variable in other letters", `{"StringEquals":{"aws:username":"${aw\u017F:username}"}}`, ip, CannotTell},
		{"a variable that is not known", `{"StringEquals":{"sts:RoleSessionName":"${aws:PrincipalTag/team}"}}`, named, CannotTell},
		{"two keys, one false", `{"StringEquals":{"sts:RoleSessionName":"alice","aws:username":"bob"}}`, named, Allowed},
		{"several values", `{"StringEquals":{"aws:username":["bob","alice"]}}`, named, Denied},
		{"several values, negated", `{"StringNotEquals":{"aws:username":["bob","alice"]}}`, named, Allowed},

		{"ArnLike", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}}`, ip, Denied},
		{"ArnLike, stars in all parts", `{"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:*"}}`, ip, Denied},
		{"ArnLike stays within its part", `{"ArnLike":{"sts:ExternalId":"arn:aws:s3:*:*:user/a"}}`, bucket, Allowed},
		{"StringLike crosses parts", `{"StringLike":{"sts:ExternalId":"arn:aws:s3:*:*:user/a"}}`, bucket, Denied},
		{"ArnLike with too few parts", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:*"}}`, ip, CannotTell},
		{"ArnNotEquals with too few parts", `{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam:*/bob"}}`, ip, CannotTell},
		{"ArnLike with a star alone", `{"ArnLike":{"aws:PrincipalArn":"*"}}`, ip, CannotTell},
		{"ArnLike, too few parts in another value", `{"ArnLike":{"aws:PrincipalArn":["arn:aws:*","arn:aws:iam::*:user/alice"]}}`, ip, Denied},
		{"ArnLike with too few parts, key absent", `{"ArnLike":{"sts:ExternalId":"arn:aws:*"}}`, ip, Allowed},
		{"ArnLike of a value that is no ARN", `{"ArnLike":{"sts:RoleSessionName":"arn:aws:iam::*:user/alice"}}`, named, Allowed},
		{"ArnNotEquals", `{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/alice"}}`, ip, Allowed},
		{"Null, present", `{"Null":{"aws:SourceIp":"true"}}`, ip, Allowed},
		{"Null, absent", `{"Null":{"aws:SourceIp":"true"}}`, none, Denied},
		{"Date", `{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`, ip, Denied},
		{"Numeric, at the boundary", `{"NumericGreaterThanEquals":{"aws:MultiFactorAuthAge":"1200"}}`, mfa, Denied},
		{"Numeric, below the boundary", `{"NumericGreaterThanEquals":{"aws:MultiFactorAuthAge":"1201"}}`, mfa, Allowed},
		{"Numeric, less or equal at the boundary", `{"NumericLessThanEquals":{"aws:MultiFactorAuthAge":"1200"}}`, mfa, Denied},
		{"Numeric, less at the boundary", `{"NumericLessThan":{"aws:MultiFactorAuthAge":"1200"}}`, mfa, Allowed},
		{"ForAllValues of a missing key", `{"ForAllValues:StringEquals":{"sts:SourceIdentity":"x"}}`, ip, Denied},
		{"ForAnyValue of a missing key", `{"ForAnyValue:StringEquals":{"sts:SourceIdentity":"x"}}`, ip, Allowed},
		{"not a service", `{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}`, ip, Denied},

		{"an unknown key", `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`, ip, CannotTell},
		{"an unknown key that cannot matter", `{"StringEquals":{"aws:PrincipalOrgID":"o-1","aws:username":"bob"}}`, ip, Allowed},
		{"an unknown operator", `{"StringMatches":{"aws:username":"alice"}}`, ip, CannotTell},
		{"an unknown operator on a missing key", `{"StringMatchesIfExists":{"sts:SourceIdentity":"alice"}}`, ip, CannotTell},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Evaluate(tc.req, doc(allowAlice, denyIf(tc.condition)), nil)
			if got.Verdict != tc.want {
				t.Errorf("%s (%s), want %s", got.Verdict, got.Sentence, tc.want)
			}
		})
	}
}

func TestVariablesNeedTheVersion(t *testing.T) {
	req := aliceFrom("203.0.113.7")
	req.SessionName = "alice"
	old := strings.Replace(doc(allowAlice, denyIf(`{"StringNotEquals":{"sts:RoleSessionName":"${aws:username}"}}`)), "2012", "2008", 1)
	if got := Evaluate(req, old, nil); got.Verdict != Denied {
		t.Errorf("%s, want denied: in version 2008-10-17 ${aws:username} is plain text", got.Verdict)
	}
}

func TestSourceIdentityIsAnActionOfItsOwn(t *testing.T) {
	req := aliceFrom("203.0.113.7")
	req.SourceIdentity = "alice"
	if got := Evaluate(req, doc(allowAlice), nil); got.Verdict != Denied || !strings.Contains(got.Sentence, "sts:SetSourceIdentity") {
		t.Errorf("%s (%s), want denied for want of sts:SetSourceIdentity", got.Verdict, got.Sentence)
	}
	both := strings.Replace(allowAlice, `"sts:AssumeRole"`, `["sts:AssumeRole","sts:SetSourceIdentity"]`, 1)
	if got := Evaluate(req, doc(both), nil); got.Verdict != Allowed {
		t.Errorf("%s (%s), want allowed", got.Verdict, got.Sentence)
	}
}

// TestWhatHangsOnTheUsersPolicy: where the role trusts the account and a policy of the
// user cannot be told, it is that policy which is named.
func TestWhatHangsOnTheUsersPolicy(t *testing.T) {
	own := `{"Version":"2012-10-17","Statement":{"Sid":"Mine","Effect":"Allow","Action":"sts:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}}`
	got := Evaluate(aliceFrom("8.8.8.8"), doc(allowRoot), []string{own})
	if got.Verdict != CannotTell || got.Document != DocumentUser || got.Statement != "Mine" || !strings.Contains(got.Sentence, "aws:PrincipalOrgID") {
		t.Errorf("%+v, want that it hangs on the statement Mine of the user policy", got)
	}
	named := Evaluate(aliceFrom("8.8.8.8"), doc(strings.Replace(allowAlice, "}", `},"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`, 1)), nil)
	if named.Verdict != CannotTell || named.Document != DocumentTrust {
		t.Errorf("%+v, want that it hangs on the trust policy", named)
	}
}
