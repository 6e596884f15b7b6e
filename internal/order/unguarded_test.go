package order_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/order"
)

// TestUserSidePoliciesDoNotPrecedeADeny: the user-side policies of alice are written before the trust policy. A
// statement of others would let her in without MFA until then.
func TestUserSidePoliciesDoNotPrecedeADeny(t *testing.T) {
	const (
		noOthers = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
		account = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`
		admits = `{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
			`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":["alice"]}}}`
		withoutMFA = `{"Sid":"PortcullisDenyNoMFA","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
			`"Action":"sts:AssumeRole","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}`
	)
	alice := access.UserName{Account: "111122223333", Path: "/", Name: "alice"}
	bob := access.UserName{Account: "111122223333", Path: "/", Name: "bob"}
	role := order.Unguarded{
		Account: access.Account{ID: "111122223333"}, OursAfter: "[" + admits + "," + withoutMFA + "]", Others: account,
	}
	for name, c := range map[string]struct {
		alter func(*order.Unguarded)
		user  access.UserName
		lets  bool
	}{
		"a statement of others admits the account": {func(*order.Unguarded) {}, alice, true},
		"another user":                          {func(*order.Unguarded) {}, bob, false},
		"no statement of others admits her":     {func(r *order.Unguarded) { r.Others = noOthers }, alice, false},
		"the statements of others are not read": {func(r *order.Unguarded) { r.Others, r.Unread = "", true }, alice, true},
		"no new Deny":                           {func(r *order.Unguarded) { r.OursAfter = "[" + admits + "]" }, alice, false},
		"the Deny is live already":              {func(r *order.Unguarded) { r.OursBefore = "[" + withoutMFA + "]" }, alice, false},
		"she is admitted already":               {func(r *order.Unguarded) { r.OursBefore = "[" + admits + "]" }, alice, false},
	} {
		r := role
		c.alter(&r)
		if got := r.Lets(c.user); got != c.lets {
			t.Errorf("%s: %v, want %v", name, got, c.lets)
		}
	}
}
