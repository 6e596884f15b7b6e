package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

const (
	vendorRoot  = `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	vendorCarol = `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:AssumeRole"}`
	ec2         = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
)

func denyRevoked(principals ...string) string {
	return `{"Sid":"PortcullisDenyRevoked","Effect":"Deny","Principal":{"AWS":["` + strings.Join(principals, `","`) + `"]},"Action":"sts:AssumeRole"}`
}

// keepsOut is the article with carol, who was removed from Bob: the trust policy has a Deny for some principals and a
// statement of others.
func keepsOut(t *testing.T, others string, carol access.LiveUser, principals ...string) Input {
	t.Helper()
	in := asPushed(t, articleInput(t))
	inv, _ := in.Inventory.Of(home)
	inv.Roles[0].Document = strings.Replace(inv.Roles[0].Document, ec2, ec2+","+others, 1)
	end := strings.LastIndex(inv.Roles[0].Document, "]")
	inv.Roles[0].Document = inv.Roles[0].Document[:end] + "," + denyRevoked(principals...) + inv.Roles[0].Document[end:]
	carol.Resource, carol.ID = access.Resource{Kind: access.ResourceUser, Path: "/", Name: "carol"}, "AIDACAROL"
	if carol.Exists {
		inv.Users = append(inv.Users, carol)
	}
	in.Inventory.Put(inv)
	return in
}

const carolARN = "arn:aws:iam::111122223333:user/carol"

func existing(change func(*access.LiveUser)) access.LiveUser {
	u := access.LiveUser{}
	u.Exists = true
	if change != nil {
		change(&u)
	}
	return u
}

func TestFindingOfUserWhoIsKeptOut(t *testing.T) {
	admin := existing(func(u *access.LiveUser) {
		u.AttachedPolicies, u.Groups = []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, []string{"ops"}
	})
	covers := existing(func(u *access.LiveUser) {
		u.Document = doc(`{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/Bob"}`)
	})
	for name, tc := range map[string]struct {
		others     string
		carol      access.LiveUser
		kind       access.FindingKind
		reason     access.FindingReason
		sentence   []string
		advice     string
		repairable bool
	}{
		"other permissions": {
			vendorRoot, admin, access.FindingBypass, access.ReasonKeptOut,
			[]string{"keeps 111122223333:carol out of role Bob in account 111122223333", "statement Vendor of others admits the account", "attached policy arn:aws:iam::aws:policy/AdministratorAccess, group ops"},
			"Remove statement Vendor of others or these permissions in AWS", false,
		},
		"own policy": {
			vendorRoot, covers, access.FindingBypass, access.ReasonKeptOut,
			[]string{"statement Vendor of others admits the account", "the policy PortcullisAssumeRole of the user still covers the role"},
			"the role from that policy", false,
		},
		"by name": {
			vendorCarol, existing(nil), access.FindingBypass, access.ReasonKeptOut,
			[]string{"statement Vendor of others would let the user in by name or as everyone"},
			"Remove statement Vendor of others in AWS, or this user from it", false,
		},
		"no permission": {
			vendorRoot, existing(nil), access.FindingDrift, access.ReasonKeptOut,
			[]string{"is not needed: nothing else lets the user in"},
			"Push the account again, which removes the Deny.", true,
		},
		"nothing of others": {
			strings.Replace(vendorRoot, "root", "user/alice", 1), admin, access.FindingDrift, access.ReasonKeptOut,
			[]string{"is not needed"},
			"Push the account again", true,
		},
		"deleted by name": {
			vendorRoot,
			access.LiveUser{},
			access.FindingDrift, access.ReasonKeptOut,
			[]string{"is not needed: this user does not exist any more"},
			"Push the account again", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs := findings(t, keepsOut(t, tc.others, tc.carol, carolARN))
			fs = slices.DeleteFunc(fs, func(f access.Finding) bool {
				return f.Reason == access.ReasonAllow || f.Resource.Kind == access.ResourceUser && f.Reason == access.ReasonLeftOver
			})
			if len(fs) != 1 {
				t.Fatalf("got %d findings, want one: %+v", len(fs), fs)
			}
			f := fs[0]
			if f.Kind != tc.kind || f.Reason != tc.reason || f.Subject != "111122223333:carol" || f.Repairable() != tc.repairable {
				t.Errorf("got %s %s %q repairable %t", f.Kind, f.Reason, f.Subject, f.Repairable())
			}
			for _, part := range tc.sentence {
				if !strings.Contains(f.Sentence, part) {
					t.Errorf("the sentence %q does not say %q", f.Sentence, part)
				}
			}
			if !strings.Contains(f.Advice, tc.advice) {
				t.Errorf("the advice %q does not say %q", f.Advice, tc.advice)
			}
			if tc.kind == access.FindingDrift && strings.Contains(f.Desired, iam.SidDenyRevoked) {
				t.Errorf("the desired document keeps the Deny: %s", f.Desired)
			}
		})
	}
}

// TestKeptOutUserOfUnreadAccount: nothing is known of the permissions of the user, so the Deny is needed.
func TestKeptOutUserOfUnreadAccount(t *testing.T) {
	others := strings.Replace(vendorRoot, "111122223333", "222222222222", 1)
	fs := findings(t, keepsOut(t, others, access.LiveUser{}, "arn:aws:iam::222222222222:user/dave"))
	i := slices.IndexFunc(fs, func(f access.Finding) bool { return f.Reason == access.ReasonKeptOut })
	if i < 0 || fs[i].Kind != access.FindingBypass || !strings.Contains(fs[i].Sentence, "that account was not read") || !strings.Contains(fs[i].Advice, "have account 222222222222 read") {
		t.Errorf("got %+v", fs)
	}
}

func TestKeptOutUserIsMappedAgain(t *testing.T) {
	fs := findings(t, keepsOut(t, vendorRoot, existing(nil), "arn:aws:iam::111122223333:user/alice"))
	fs = slices.DeleteFunc(fs, func(f access.Finding) bool { return f.Reason == access.ReasonAllow })
	if len(fs) != 1 || fs[0].Kind != access.FindingDrift || fs[0].Reason != access.ReasonEdited || !fs[0].Repairable() ||
		!strings.Contains(fs[0].Sentence, "PortcullisDenyRevoked denies every call of 111122223333:alice, who is mapped to the role.") ||
		strings.Contains(fs[0].Desired, iam.SidDenyRevoked) {
		t.Errorf("got %+v", fs)
	}
}

func TestKeptOutUserWasDeleted(t *testing.T) {
	fs := findings(t, keepsOut(t, vendorRoot, existing(nil), "AIDADELETEDUSER7"))
	fs = slices.DeleteFunc(fs, func(f access.Finding) bool { return f.Reason == access.ReasonAllow })
	if len(fs) != 1 || fs[0].Reason != access.ReasonUniqueID || !fs[0].Repairable() || !strings.Contains(fs[0].Sentence, "The Deny has no effect for this id, which can be removed") {
		t.Errorf("got %+v", fs)
	}
}

// TestKeptOutOfRoleWithoutMapping: no push writes the trust policy, so the finding must not promise one.
func TestKeptOutOfRoleWithoutMapping(t *testing.T) {
	for name, carol := range map[string]access.LiveUser{
		"needed":     existing(func(u *access.LiveUser) { u.Groups = []string{"ops"} }),
		"not needed": existing(nil),
	} {
		t.Run(name, func(t *testing.T) {
			in := keepsOut(t, vendorRoot, carol, carolARN)
			inv, _ := in.Inventory.Of(home)
			inv.Users = slices.DeleteFunc(inv.Users, func(u access.LiveUser) bool { return u.Resource.Name == "alice" })
			inv.Roles[0].Document = doc(vendorRoot, denyRevoked(carolARN))
			in.Inventory.Put(inv)
			in.State.Mappings = nil
			fs := findings(t, in)
			if len(fs) != 1 || fs[0].Subject != "111122223333:carol" || fs[0].Repairable() || !strings.Contains(fs[0].Advice, "no mapping reaches the role") {
				t.Errorf("got %+v", fs)
			}
		})
	}
}

// TestEditedDenyIsDrift: a statement with the Sid that admits users, or has a condition, keeps nobody out.
func TestEditedDenyIsDrift(t *testing.T) {
	for name, alter := range map[string]func(string) string{
		"Allow": func(d string) string {
			return strings.Replace(d, `DenyRevoked","Effect":"Deny"`, `DenyRevoked","Effect":"Allow"`, 1)
		},
		"everyone": func(d string) string { return strings.Replace(d, `{"AWS":["`+carolARN+`"]}`, `{"AWS":"*"}`, 1) },
		"condition": func(d string) string {
			return strings.Replace(d, `"Sid":"PortcullisDenyRevoked"`, `"Sid":"PortcullisDenyRevoked","Condition":{"Bool":{"aws:SecureTransport":"false"}}`, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := keepsOut(t, vendorRoot, existing(func(u *access.LiveUser) { u.Groups = []string{"ops"} }), carolARN)
			inv, _ := in.Inventory.Of(home)
			altered := alter(inv.Roles[0].Document)
			if altered == inv.Roles[0].Document {
				t.Fatal("the document was not altered")
			}
			inv.Roles[0].Document = altered
			in.Inventory.Put(inv)
			fs := findings(t, in)
			if !slices.ContainsFunc(fs, func(f access.Finding) bool { return f.Kind == access.FindingDrift && f.Reason == access.ReasonEdited }) {
				t.Errorf("got %+v, want drift", fs)
			}
		})
	}
}

func TestReadGrantsPassesOverKeptOutUsers(t *testing.T) {
	in := asPushed(t, articleInput(t))
	inv, _ := in.Inventory.Of(home)
	ours, err := iam.Ours(inv.Roles[0].Document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadGrants(ours)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadGrants(strings.TrimSuffix(ours, "]") + "," + denyRevoked(carolARN) + "]")
	if err != nil || !got.Equal(want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	_, err = ReadGrants(strings.TrimSuffix(ours, "]") + "," + denyRevoked("arn:aws:iam::111122223333:user/alice") + "]")
	if err == nil || !strings.Contains(err.Error(), "alice, whom another statement admits") {
		t.Errorf("alice is mapped and kept out: %v", err)
	}
}

// TestExplainUserWhoIsKeptOut: the desired documents keep the Deny as long as a push does.
func TestExplainUserWhoIsKeptOut(t *testing.T) {
	admin := existing(func(u *access.LiveUser) { u.Groups = []string{"ops"} })
	for name, tc := range map[string]struct {
		carol     access.LiveUser
		statement string
		sentence  string
	}{
		"needed":     {admin, iam.SidDenyRevoked, "the user was removed from this role"},
		"not needed": {existing(nil), "", "no policy of the user allows it"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := NewCompiler(keepsOut(t, vendorRoot, tc.carol, carolARN))
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Explain(iam.Request{
				Principal: access.UserName{Account: home, Path: "/", Name: "carol"}, Role: access.RoleName{Path: "/", Name: "Bob"}, RoleAccount: home,
				SourceIP: netip.MustParseAddr("192.0.2.77"), SessionName: "carol",
			})
			if err != nil || got.Verdict != iam.Denied || got.Statement != tc.statement || !strings.Contains(got.Sentence, tc.sentence) {
				t.Errorf("got %+v (%v)", got, err)
			}
		})
	}
}

func TestLintOfStatementThatAdmitsKeptOutUser(t *testing.T) {
	issues := func(in Input) int {
		return len(slices.DeleteFunc(Lint(in), func(i Issue) bool { return i.Code != CodeBypass }))
	}
	if n := issues(keepsOut(t, vendorCarol, existing(nil), "AIDADELETEDUSER7")); n != 1 {
		t.Errorf("without the Deny for carol there are %d bypasses, want 1", n)
	}
	if n := issues(keepsOut(t, vendorCarol, existing(nil), carolARN)); n != 0 {
		t.Errorf("with the Deny for carol there are %d bypasses, want none", n)
	}
}
