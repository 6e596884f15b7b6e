package policy

import (
	"net/netip"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

const (
	anyAlice  = "arn:aws:iam::111122223333:user/alice"
	anyCarol  = "arn:aws:iam::111122223333:user/carol"
	someGhost = "AIDANOBODYNOBODYNOBOD"
)

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

func nilIfEmpty(ss []string) []string {
	if len(ss) == 0 {
		return nil
	}
	return ss
}
