package sandbox_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
)

// dice makes random documents and requests out of the pieces that matter for our Deny statements.
type dice struct {
	*rand.Rand
	home, away access.AccountID
}

func (d dice) one(of ...string) string { return of[d.IntN(len(of))] }

// some joins a few of the pieces to a list, or gives one of them bare.
func (d dice) some(of ...string) string {
	if d.IntN(2) == 0 {
		return `"` + d.one(of...) + `"`
	}
	picked := make([]string, 1+d.IntN(3))
	for i := range picked {
		picked[i] = `"` + d.one(of...) + `"`
	}
	return "[" + strings.Join(picked, ",") + "]"
}

func (d dice) condition() string {
	ranges := []string{"103.15.250.0/24", "12.148.72.0/23", "103.15.250.128/25", "8.8.8.8", "2001:db8::/32", "0.0.0.0/0"}
	exists := d.one("", "IfExists")
	switch d.IntN(9) {
	case 0, 1, 2:
		return `"NotIpAddress` + exists + `":{"aws:SourceIp":` + d.some(ranges...) + `}`
	case 3:
		return `"IpAddress` + exists + `":{"AWS:sourceip":` + d.some(ranges...) + `}`
	case 4:
		return `"StringNotEquals` + exists + `":{"aws:SourceVpc":` + d.some("vpc-0a1b2c3d", "vpc-11111111") + `}`
	case 5:
		return `"BoolIfExists":{"aws:MultiFactorAuthPresent":"` + d.one("true", "false") + `"}`
	case 6:
		return `"` + d.one("StringLike", "StringNotLike", "StringNotEquals", "StringEquals") + `":{"sts:RoleSessionName":` + d.some("${aws:username}", "al*", "bob") + `}`
	case 7:
		return `"` + d.one("ArnLike", "ArnNotLike", "StringLike") + `":{"aws:PrincipalArn":"arn:aws:iam::` + d.one("*", string(d.home), string(d.away)) + `:user/` + d.one("*", "alice", "b*") + `"}`
	default:
		return `"Null":{"` + d.one("aws:SourceIp", "aws:SourceVpc", "sts:SourceIdentity") + `":"` + d.one("true", "false") + `"}`
	}
}

func (d dice) conditions() string {
	switch d.IntN(4) {
	case 0:
		return ""
	case 1:
		a, b := d.condition(), d.condition()
		if strings.SplitN(a, ":", 2)[0] != strings.SplitN(b, ":", 2)[0] { // an operator may occur only once
			return `,"Condition":{` + a + `,` + b + `}`
		}
		return `,"Condition":{` + a + `}`
	default:
		return `,"Condition":{` + d.condition() + `}`
	}
}

func (d dice) principal() string {
	arn := func(a access.AccountID, rest string) string { return "arn:aws:iam::" + string(a) + ":" + rest }
	return `{"AWS":` + d.some(arn(d.home, "user/alice"), arn(d.home, "user/bob"), arn(d.away, "user/alice"), arn(d.home, "root"), arn(d.away, "root"), string(d.home), "*") + `}`
}

func (d dice) trust() string {
	parts := make([]string, 1+d.IntN(4))
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"Sid":"S%d","Effect":"%s","Principal":%s,"Action":%s%s}`, i, d.one("Allow", "Allow", "Deny"), d.principal(),
			d.some("sts:AssumeRole", "sts:assumerole", "sts:*", "sts:AssumeRole*", "sts:TagSession", "sts:SetSourceIdentity"), d.conditions())
	}
	return trust(parts...)
}

func (d dice) identity() string {
	parts := make([]string, 1+d.IntN(2))
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"Effect":"%s","Action":%s,"Resource":%s%s}`, d.one("Allow", "Allow", "Allow", "Deny"),
			d.some("sts:AssumeRole", "sts:*", "*", "iam:GetUser"), d.some("arn:aws:iam::"+string(d.home)+":role/Bob", "arn:aws:iam::*:role/*", "*", "arn:aws:iam::"+string(d.away)+":role/Bob"), d.conditions())
	}
	return trust(parts...)
}

func (d dice) request() iam.Request {
	r := iam.Request{
		Principal: access.UserName{Account: d.home, Path: "/", Name: d.one("alice", "bob")}, RoleAccount: d.home,
		Role: access.RoleName{Path: "/", Name: "Bob"}, SessionName: d.one("alice", "bob", "session"), Now: time.Now(),
	}
	if d.IntN(3) == 0 {
		r.Principal.Account, r.Principal.Name = d.away, "alice"
	}
	switch d.IntN(8) {
	case 0:
		r.SourceVPC = d.one("vpc-0a1b2c3d", "vpc-22222222")
	case 1: // no address at all
	default:
		r.SourceIP = netip.MustParseAddr(d.one("103.15.250.7", "103.15.250.200", "12.148.73.255", "12.148.74.0", "8.8.8.8", "2001:db8::7", "2001:db9::7"))
	}
	r.MFA = d.IntN(3) == 0
	if d.IntN(4) == 0 {
		r.SourceIdentity = d.one("alice", "bob")
	}
	return r
}

// ask puts the same request to the sandbox.
func (c company) ask(t *testing.T, r iam.Request) iam.Verdict {
	t.Helper()
	cfg := from(c.as(t, r.Principal.Account, r.Principal.Name), "none")
	if r.SourceIP.IsValid() {
		cfg = from(cfg, r.SourceIP.String())
	}
	if r.SourceVPC != "" {
		cfg = header(cfg, "X-Sandbox-Source-Vpc", r.SourceVPC)
	}
	if r.MFA {
		cfg = header(cfg, "X-Sandbox-Mfa", "0")
	}
	_, err := c.assume(cfg, r.RoleAccount, r.Role.Name, func(in *sts.AssumeRoleInput) {
		in.RoleSessionName = &r.SessionName
		if r.SourceIdentity != "" {
			in.SourceIdentity = aws.String(r.SourceIdentity)
		}
	})
	switch code(err) {
	case "":
		return iam.Allowed
	case "AccessDenied":
		return iam.Denied
	default:
		t.Fatal(err)
		return iam.CannotTell
	}
}

// The compiler's evaluator and the sandbox's were written apart. They have to agree on
// every request over every document.
func TestTwoEvaluatorsAgree(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{Accounts: 4})
	accounts := c.Accounts()
	d := dice{rand.New(rand.NewPCG(7, 11)), accounts[2].ID, accounts[1].ID}
	admins := map[access.AccountID]aws.Config{d.home: c.asAdmin(t, d.home), d.away: c.asAdmin(t, d.away)}
	seen := map[iam.Verdict]int{}
	for range 250 {
		doc, own := d.trust(), d.identity()
		if err := setTrust(admins[d.home], "Bob", doc); err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		for id, users := range map[access.AccountID][]string{d.home: {"alice", "bob"}, d.away: {"alice"}} {
			for _, user := range users {
				putUserPolicy(t, admins[id], user, own)
			}
		}
		live := getTrust(t, admins[d.home], "Bob")
		for range 8 {
			r := d.request()
			policies := []string{own}
			for name, text := range c.inline(r.Principal) {
				if name != "test" {
					policies = append(policies, text)
				}
			}
			want := c.ask(t, r)
			got := iam.Evaluate(r, live, policies)
			seen[got.Verdict]++
			if got.Verdict != want && got.Verdict != iam.CannotTell {
				t.Errorf("%+v\ntrust %s\nown   %s\nthe compiler's evaluator says %s (%s), the sandbox %s", r, live, own, got.Verdict, got.Sentence, want)
			}
		}
	}
	t.Log(seen)
	if seen[iam.Allowed] < 200 || seen[iam.Denied] < 200 || seen[iam.CannotTell] > 200 {
		t.Errorf("the dice are loaded: %v", seen)
	}
}

func (c company) inline(u access.UserName) map[string]string {
	s, _ := c.State(u.Account)
	return s.Users[u.Name]
}
