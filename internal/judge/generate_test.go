package judge_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

// generator makes random documents and requests. The same seed gives the same ones.
type generator struct{ *rand.Rand }

func newGenerator(a, b uint64) generator { return generator{rand.New(rand.NewPCG(a, b))} }

// now is the time of all requests.
var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

// some returns a quoted value, or a list of one to three.
func (g generator) some(of ...string) string {
	if g.IntN(2) == 0 {
		return `"` + g.one(of...) + `"`
	}
	picked := make([]string, 1+g.IntN(3))
	for i := range picked {
		picked[i] = `"` + g.one(of...) + `"`
	}
	return "[" + strings.Join(picked, ",") + "]"
}

// family is a group of operators with the keys and values that make sense for them.
type family struct {
	operators []string
	keys      []string
	values    []string
}

var families = []family{
	{
		[]string{"IpAddress", "NotIpAddress", "NotIpAddress"},
		[]string{"aws:SourceIp", "aws:SourceIp", "AWS:sourceip", "aws:VpcSourceIp"},
		[]string{
			"103.15.250.0/24", "12.148.72.0/23", "103.15.250.128/25", "8.8.8.8", "2001:db8::/32", "0.0.0.0/0",
			"::/0", "12.148.73.9/23",
		},
	},
	{
		[]string{
			"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
			"StringLike", "StringNotLike", "ForAllValues:StringEquals", "ForAnyValue:StringLike",
			"ForAnyValue:StringNotEquals",
		},
		[]string{"sts:RoleSessionName", "sts:SourceIdentity", "aws:username", "sts:ExternalId"},
		[]string{"${aws:username}", "${aws:username}*", "alice", "ALICE", "al*", "b?b", "*", "bob"},
	},
	{ // characters that are wildcards elsewhere, from ${*}, ${?} and ${$} and from values of keys
		[]string{
			"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike",
			"ForAnyValue:StringNotLike",
		},
		[]string{"sts:ExternalId", "sts:RoleSessionName"},
		[]string{"${sts:ExternalId}", "${sts:ExternalId}*", "al${*}", "b${?}b", "${$}", "a*", "b?b${*}"},
	},
	{ // letters that Unicode folds into k and s
		[]string{"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
		[]string{"sts:ExternalId", "sts:External\u212Ad", "\u017Fts:ExternalId"},
		[]string{"kiss", "KISS", "\u212Aiss", "ki\u017Fs"},
	},
	{
		[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"},
		[]string{"aws:SourceVpc", "aws:SourceVpce"},
		[]string{"vpc-0a1b2c3d", "vpc-11111111", "vpc-*", "vpce-0a1b2c3d"},
	},
	{
		[]string{
			"ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "StringLike", "StringNotLike",
			"ForAnyValue:ArnNotLike",
		},
		[]string{"aws:PrincipalArn"},
		[]string{
			"arn:aws:iam::*:user/*", "arn:aws:iam::" + home + ":user/alice", "arn:aws:iam::" + away + ":user/*",
			"arn:aws:iam::*:user/b??", "*", "arn:*:iam:*:*:user/${aws:username}", "arn:aws:*",
			"arn:aws:iam::*:user/${sts:ExternalId}",
		},
	},
	{
		[]string{"Bool"},
		[]string{"aws:MultiFactorAuthPresent", "aws:SecureTransport", "aws:ViaAWSService"},
		[]string{"true", "false", "True"},
	},
	{
		[]string{
			"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
			"NumericGreaterThan", "NumericGreaterThanEquals",
		},
		[]string{"aws:MultiFactorAuthAge"},
		[]string{"0", "60", "60.0", "3600", "-1", "59.99999999999999999999", "60.00000000000000000001"},
	},
	{
		[]string{
			"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
			"DateGreaterThanEquals",
		},
		[]string{"aws:CurrentTime", "aws:EpochTime"},
		[]string{
			"2026-11-30T12:00:00Z", "2026-11-30T13:00:00+01:00", "2026-11-30", "2027-01-01T00:00Z", "1796040000",
			"0",
		},
	},
	{
		[]string{"Null"},
		[]string{"aws:SourceIp", "aws:SourceVpc", "sts:SourceIdentity", "aws:username", "aws:MultiFactorAuthAge"},
		[]string{"true", "false"},
	},
}

// condition returns an operator and the keys with values below it.
func (g generator) condition() (operator, tests string) {
	f := families[0]
	if g.IntN(3) > 0 {
		f = families[g.IntN(len(families))]
	}
	operator = g.one(f.operators...)
	if operator == "Null" {
		return operator, `{"` + g.one(f.keys...) + `":"` + g.one(f.values...) + `"}`
	}
	return operator + g.one("", "", "IfExists"), `{"` + g.one(f.keys...) + `":` + g.some(f.values...) + `}`
}

// conditions returns a Condition element with up to three operators, each once.
func (g generator) conditions() string {
	seen := map[string]bool{}
	var parts []string
	for range g.IntN(4) {
		if operator, tests := g.condition(); !seen[operator] {
			seen[operator] = true
			parts = append(parts, `"`+operator+`":`+tests)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return `,"Condition":{` + strings.Join(parts, ",") + `}`
}

func (g generator) action() string {
	if g.IntN(8) == 0 {
		return `"NotAction":` + g.some("sts:TagSession", "sts:SetSourceIdentity", "sts:Get*")
	}
	return `"Action":` + g.some("sts:AssumeRole", "sts:AssumeRole", "sts:assumerole", "sts:*", "sts:Assume????",
		"sts:TagSession", "sts:SetSourceIdentity")
}

func (g generator) principal() string {
	switch g.IntN(12) {
	case 0:
		return `"*"`
	case 1:
		return `{"Service":"ec2.amazonaws.com"}`
	}
	return `{"AWS":` + g.some(alice, alice, "arn:aws:iam::"+home+":user/bob", "arn:aws:iam::"+away+":user/alice",
		"arn:aws:iam::"+home+":root", "arn:aws:iam::"+away+":root", home, "*", "AIDAALICE", "AIDABOB") + `}`
}

func (g generator) resource() string {
	values := g.some(bob, bob, "*", "arn:aws:iam::*:role/*", "arn:aws:iam::*:role/B?b",
		"arn:aws:iam::"+away+":role/Bob", "arn:aws:iam::*:role/${aws:username}",
		"arn:aws:iam::*:role/${sts:ExternalId}")
	return g.one(`"Resource":`, `"Resource":`, `"Resource":`, `"NotResource":`) + values
}

func (g generator) document(elements func() string) string {
	statements := make([]string, 1+g.IntN(4))
	for i := range statements {
		effect := g.one("Allow", "Allow", "Deny")
		statements[i] = fmt.Sprintf(`{"Effect":"%s",%s,%s%s}`, effect, elements(), g.action(), g.conditions())
	}
	version := g.one("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17")
	return `{"Version":"` + version + `","Statement":[` + strings.Join(statements, ",") + `]}`
}

func (g generator) trust() string {
	return g.document(func() string { return `"Principal":` + g.principal() })
}

func (g generator) identity() []string {
	docs := make([]string, g.IntN(3))
	for i := range docs {
		docs[i] = g.document(g.resource)
	}
	return docs
}

func (g generator) request() iam.Request {
	r := iam.Request{
		Principal: access.UserName{Account: home, Path: "/", Name: g.one("alice", "bob")}, PrincipalID: "AIDABOB",
		RoleAccount: home, Role: access.RoleName{Path: "/", Name: "Bob"},
		SessionName: g.one("alice", "bob", "session"), Now: now,
	}
	if r.Principal.Name == "alice" {
		r.PrincipalID = "AIDAALICE"
		if g.IntN(3) == 0 {
			r.Principal.Account, r.PrincipalID = away, "AIDAOTHERALICE"
		}
	}
	switch g.IntN(8) {
	case 0:
		r.SourceVPC, r.SourceVPCE = g.one("vpc-0a1b2c3d", "vpc-22222222"), g.one("", "vpce-0a1b2c3d")
	case 1: // no address
	default:
		r.SourceIP = netip.MustParseAddr(g.one("103.15.250.7", "103.15.250.200", "12.148.73.255", "12.148.74.0",
			"8.8.8.8", "2001:db8::7", "2001:db9::7"))
	}
	if r.MFA = g.IntN(3) == 0; r.MFA {
		r.MFAAge = time.Duration(g.IntN(3)*60) * time.Second
	}
	if g.IntN(4) == 0 {
		r.SourceIdentity = g.one("alice", "bob")
	}
	if g.IntN(4) == 0 {
		r.ExternalID = g.one("alice", "acme", "al*", "B?b", "b?b*", "$", "*", "kiss", "\u212ais\u017f")
	}
	return r
}

// keysOf are the condition keys of a call of sts:AssumeRole by an IAM user.
func keysOf(r iam.Request) judge.Keys {
	keys := judge.Keys{
		"aws:username": r.Principal.Name, "aws:userid": r.PrincipalID, "aws:principaltype": "User",
		"aws:principalarn": r.Principal.ARN("aws"), "aws:principalaccount": string(r.Principal.Account),
		"aws:viaawsservice": "false", "aws:principalisawsservice": "false", "aws:securetransport": "true",
		"aws:currenttime": r.Now.Format(time.RFC3339), "aws:epochtime": fmt.Sprint(r.Now.Unix()),
	}
	for key, value := range map[string]string{
		"aws:sourcevpc": r.SourceVPC, "aws:sourcevpce": r.SourceVPCE, "sts:rolesessionname": r.SessionName,
		"sts:sourceidentity": r.SourceIdentity, "sts:externalid": r.ExternalID,
	} {
		if value != "" {
			keys[key] = value
		}
	}
	if r.SourceIP.IsValid() {
		keys["aws:sourceip"] = r.SourceIP.String()
	}
	if r.MFA {
		keys["aws:multifactorauthpresent"] = "true"
		keys["aws:multifactorauthage"] = fmt.Sprint(int(r.MFAAge.Seconds()))
	}
	return keys
}
