package iam

import (
	"net/netip"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func TestRequestCheck(t *testing.T) {
	fine := Request{
		SourceIP: netip.MustParseAddr("2001:db8::7"), SourceVPC: "vpc-0a1b2c3d4e5f60718", SourceVPCE: "vpce-0a1b2c3d4e5f60718",
		SessionName: "alice@example.com", SourceIdentity: "al",
	}
	for _, r := range []Request{{}, fine} {
		if err := r.Check(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for field, r := range map[string]Request{
		"source_ip":       {SourceIP: netip.MustParseAddr("fe80::1%eth0")},
		"source_vpc":      {SourceVPC: "vpce-0a1b2c3d4e5f60718"},
		"source_vpce":     {SourceVPCE: "vpc-0a1b2c3d4e5f60718"},
		"session_name":    {SessionName: "al ice"},
		"source_identity": {SourceIdentity: strings.Repeat("a", 65)},
	} {
		fields := access.FieldsOf(r.Check())
		if len(fields) != 1 || fields[0].Field != field {
			t.Errorf("%s: refused %v", field, fields)
		}
	}
	if err := (Request{SessionName: "a", SourceVPC: "office"}).Check(); len(access.FieldsOf(err)) != 2 {
		t.Errorf("two things are wrong: %v", err)
	}
}
