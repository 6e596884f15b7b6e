package policy

import (
	"net/netip"
	"strings"

	"portcullis/internal/access"
	"portcullis/internal/iam"
)

const allowAlice = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}`

const (
	anyAlice  = "arn:aws:iam::111122223333:user/alice"
	anyCarol  = "arn:aws:iam::111122223333:user/carol"
	someGhost = "AIDANOBODYNOBODYNOBOD"
)

func doc(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func denyIf(condition string) string {
	return `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":` + condition + `}`
}

func aliceFrom(addr string) iam.Request {
	r := iam.Request{
		Principal: access.UserName{Account: "111122223333", Path: "/", Name: "alice"}, Role: access.RoleName{Path: "/", Name: "Bob"},
		RoleAccount: "111122223333", Partition: "aws", Now: testNow,
	}
	if addr != "" {
		r.SourceIP = netip.MustParseAddr(addr)
	}
	return r
}

func prefixes(ss ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range ss {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

func nilIfEmpty(ss []string) []string {
	if len(ss) == 0 {
		return nil
	}
	return ss
}
