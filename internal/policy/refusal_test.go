package policy

import (
	"errors"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestLocate puts the position of the first mapping of the role before what the compiler
// refuses, and before nothing else.
func TestLocate(t *testing.T) {
	in := articleInput(t)
	bob := in.State.Mappings[0]
	eve, again := bob, bob
	eve.ID, eve.Role.Name, again.ID = "mp-0", "Eve", "mp-2"
	in.State.Mappings = []access.Mapping{eve, bob, again}
	in.Positions = Positions{"mapping/mp-0": "x.yaml:3", "mapping/mp-1": "x.yaml:5", "mapping/mp-2": "x.yaml:7"}
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	role := access.RoleName{Path: "/", Name: "Bob"}
	refused := func(kind access.Kind) error {
		return &RoleError{Role: role, Account: "111122223333", Err: access.Errorf(kind, "too long")}
	}
	text := access.Errorf(access.KindInvalid, "role Bob in account 111122223333 is too long")
	stranger := &RoleError{Role: access.RoleName{Path: "/x/", Name: "Bob"}, Account: "111122223333", Err: text}
	for name, refusal := range map[string]struct{ got, want error }{
		"a role":               {refused(access.KindInvalid), access.Errorf(access.KindInvalid, "x.yaml:5: too long")},
		"its kind":             {refused(access.KindConflict), access.Errorf(access.KindConflict, "x.yaml:5: too long")},
		"a role of no mapping": {stranger, stranger},
		"the words alone":      {text, text},
	} {
		got := c.Locate(refusal.got)
		wrongKind := access.KindOf(got) != access.KindOf(refusal.want)
		if wrongKind || access.MessageOf(got) != access.MessageOf(refusal.want) {
			t.Errorf("%s: %v, want %v", name, got, refusal.want)
		}
	}
}

// TestRefusalsSayTheirRole compiles what does not fit, in the trust policy and in the
// policies of the user.
func TestRefusalsSayTheirRole(t *testing.T) {
	for name, c := range map[string]struct {
		quotas  access.Quotas
		account access.AccountID // of the user
		message string
	}{
		"trust policy": {access.Quotas{TrustPolicy: 100}, "444455556666", "the trust policy of role Bob in account 111122223333"},
		"user-side":    {access.Quotas{TrustPolicy: 250, ManagedPolicy: 50}, "", "role Bob in account 111122223333 are too long"},
	} {
		in := articleInput(t)
		in.Accounts[0].Quotas = c.quotas
		in.State.Mappings[0].Users[0].Account = c.account
		compiler, err := NewCompiler(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = compiler.Account("111122223333")
		var refused *RoleError
		if !errors.As(err, &refused) || refused.Role.String() != "Bob" || refused.Account != "111122223333" {
			t.Errorf("%s: got %#v, want the refusal of role Bob", name, err)
			continue
		}
		if !strings.Contains(access.MessageOf(err), c.message) || access.KindOf(err) != access.KindInvalid {
			t.Errorf("%s: it says %q (%s), want %q", name, access.MessageOf(err), access.KindOf(err), c.message)
		}
	}
}
