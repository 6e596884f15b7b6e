package change_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/onboard"
)

const anyAlice = "arn:aws:iam::111111111111:user/alice"

// pair is our pair of statements for some users, who are restricted to networks.
func pair(users []string, networks ...string) string {
	names := `["` + strings.Join(users, `","`) + `"]`
	return `{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":` + names + `},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDenyNetwork","Effect":"Deny","Principal":{"AWS":` + names + `},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":["` + strings.Join(networks, `","`) + `"]}}}`
}

func liveAs(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// adoptEdited adopts role Bob as base maps it, with something else live.
func adoptEdited(statements ...string) onboard.Adoption {
	return onboard.Adoption{
		Account: "111111111111", Role: access.RoleName{Path: "/", Name: "Bob"},
		Planned: "[" + pair([]string{anyAlice}, office...) + "]", Live: liveAs(statements...),
	}
}

var office = []string{"103.15.250.0/24", "12.148.72.0/23"}

// adoption is edited with other networks.
func adoption(networks ...string) onboard.Adoption {
	return adoptEdited(pair([]string{anyAlice}, networks...))
}

func TestAdoptFollowsTheNetworksThatAreLive(t *testing.T) {
	d := newDesk(t)
	d.base()
	c, err := d.Adopt(t.Context(), d.editor, adoption("103.15.250.0/24", "52.94.1.0/24"))
	d.must(err)
	if diff := cmp.Diff([]string{"entry.add al-office 52.94.1.0/24", "entry.remove al-office 12.148.72.0/23"}, sorted(ops(c.Edits))); diff != "" || c.State != access.ChangeDraft {
		t.Errorf("%s, edits (-want +got):\n%s", c.State, diff)
	}
	if !strings.Contains(c.Title, "Bob") || !strings.Contains(c.Title, "111111111111") {
		t.Errorf("the draft is called %q", c.Title)
	}
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

// What is said of people and conditions is said in the account alone: base maps Bob in
// every account.
func TestAdoptFollowsPeopleAndConditions(t *testing.T) {
	const anyCarol = "arn:aws:iam::111111111111:user/carol"
	const mfa = `{"Sid":"PortcullisDenyMFA","Effect":"Deny","Principal":{"AWS":"` + anyAlice + `"},"Action":"sts:AssumeRole","Condition":{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"3600"}}}`
	for name, c := range map[string]struct {
		live []string
		want []string
		says func(access.Mapping) bool
	}{
		"somebody more": {
			[]string{pair([]string{anyAlice, anyCarol}, office...)},
			[]string{"mapping.add of carol in 111111111111"},
			func(m access.Mapping) bool { return !m.RequireMFA && slices.Equal(m.Allowlists, []string{"office"}) },
		},
		"somebody else": {
			[]string{pair([]string{anyCarol}, office...)},
			[]string{"mapping.add of carol in 111111111111", "mapping.update of alice in all accounts, except 111111111111"},
			func(access.Mapping) bool { return true },
		},
		"MFA of the last hour": {
			[]string{pair([]string{anyAlice}, office...), mfa},
			[]string{"mapping.add of alice in 111111111111", "mapping.update of alice in all accounts, except 111111111111"},
			func(m access.Mapping) bool { return m.RequireMFA && m.MFAMaxAge == time.Hour },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.base()
			draft, err := d.Adopt(t.Context(), d.editor, adoptEdited(c.live...))
			d.must(err)
			var got []string
			for _, e := range draft.Edits {
				got = append(got, fmt.Sprintf("%s of %s in %s", e.Op, e.Mapping.Users[0], e.Mapping.Accounts))
				if e.Op == access.EditAddMapping && !c.says(*e.Mapping) {
					t.Errorf("the mapping of the account says %+v", *e.Mapping)
				}
			}
			if diff := cmp.Diff(c.want, sorted(got)); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAdoptRefusesWhatNoChangeCanSay(t *testing.T) {
	d := newDesk(t)
	d.base()
	const anyDave, anyCarol = "arn:aws:iam::111111111111:user/dave", "arn:aws:iam::111111111111:user/carol"
	allow := func(user string) string {
		return `{"Sid":"PortcullisAllow2","Effect":"Allow","Principal":{"AWS":"` + user + `"},"Action":"sts:AssumeRole"}`
	}
	unmapped, moved := adoption("9.9.9.0/24"), adoption("9.9.9.0/24")
	unmapped.Role.Name, moved.Planned = "Unmapped", "["+pair([]string{anyAlice}, "8.8.8.0/24")+"]"
	for name, c := range map[string]struct {
		adoption onboard.Adoption
		kind     access.Kind
		text     string
	}{
		"nothing was edited":     {adoption("12.148.72.0/23", "103.15.250.0/24"), access.KindUnchanged, "already"},
		"part of an entry":       {adoption("103.15.250.0/24", "12.148.72.0/24"), access.KindConflict, "only a part is live"},
		"a private network":      {adoption("103.15.250.0/24", "12.148.72.0/23", "10.0.0.0/8"), access.KindConflict, "cannot stand in an allowlist"},
		"no mapping of ours":     {unmapped, access.KindConflict, "No mapping reaches role Unmapped"},
		"a state that has moved": {moved, access.KindConflict, "has changed since this conflict was found"},
		"a document unreadable":  {onboard.Adoption{Account: "111111111111", Role: unmapped.Role, Live: "{"}, access.KindConflict, "cannot be read"},
		"somebody from anywhere": {adoptEdited(pair([]string{anyAlice}, office...), allow(anyCarol)), access.KindConflict, "carol is let in from anywhere"},
		"somebody who is nobody": {adoptEdited(pair([]string{anyAlice, anyDave}, office...)), access.KindConflict, "dave is let in, and is no user of the account"},
		"a role":                 {adoptEdited(pair([]string{anyAlice}, office...), allow("arn:aws:iam::111111111111:role/x")), access.KindConflict, "PortcullisAllow2 names arn:aws:iam::111111111111:role/x, which is no user"},
		"another condition":      {adoptEdited(strings.Replace(pair([]string{anyAlice}, office...), "NotIpAddress", "IpAddress", 1)), access.KindConflict, "denies under a condition that no mapping has: IpAddress"},
		"networks of their own": {
			adoptEdited(strings.ReplaceAll(pair([]string{anyCarol}, "9.9.9.0/24"), `"Portcullis`, `"PortcullisB`), pair([]string{anyAlice}, office...)),
			access.KindConflict, "carol is let in from networks or under conditions of which no mapping of Bob is",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Adopt(t.Context(), d.editor, c.adoption)
			if access.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v (%s), want %s with %q", err, access.KindOf(err), c.kind, c.text)
			}
		})
	}
	for _, who := range []access.Actor{d.viewer, d.operator} {
		if _, err := d.Adopt(t.Context(), who, adoption("9.9.9.0/24")); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s: %v, want KindForbidden", who.Name, err)
		}
	}
}

// Where a role is mapped from several allowlists, a network is followed in the one that
// is for exactly those who are let in from it.
func TestAdoptChoosesTheAllowlistWhereThatIsClear(t *testing.T) {
	const anyCarol = "arn:aws:iam::111111111111:user/carol"
	d := newDesk(t)
	d.apply("Begin", addList("al-office", "office", "103.15.250.0/24"), addList("al-vpn", "vpn", "8.8.8.0/24"),
		addMapping("mp-one", "Bob", "office", "alice"), addMapping("mp-two", "Bob", "vpn", "carol"))
	numbered := func(alice, carol []string) string {
		second := strings.NewReplacer("PortcullisAllow", "PortcullisAllow2", "PortcullisDenyNetwork", "PortcullisDenyNetwork2").Replace(pair([]string{anyCarol}, carol...))
		return strings.NewReplacer(`"PortcullisAllow"`, `"PortcullisAllow1"`, `"PortcullisDenyNetwork"`, `"PortcullisDenyNetwork1"`).Replace(pair([]string{anyAlice}, alice...)) + "," + second
	}
	adopt := func(statements string) (access.Change, error) {
		a := adoptEdited(statements)
		a.Planned = "[" + numbered([]string{"103.15.250.0/24"}, []string{"8.8.8.0/24"}) + "]"
		return d.Adopt(t.Context(), d.editor, a)
	}
	c, err := adopt(numbered([]string{"103.15.250.0/24"}, []string{"9.9.9.0/24"}))
	d.must(err)
	if diff := cmp.Diff([]string{"entry.add al-vpn 9.9.9.0/24", "entry.remove al-vpn 8.8.8.0/24"}, sorted(ops(c.Edits))); diff != "" {
		t.Errorf("edits (-want +got):\n%s", diff)
	}
	d.apply("Both", access.Edit{Op: access.EditUpdateMapping, ID: "mp-one", Mapping: &access.Mapping{
		ID: "mp-one", Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: access.Selector{All: true},
		Users: []access.UserName{{Path: "/", Name: "alice"}}, Allowlists: []string{"office", "vpn"},
	}}, access.Edit{Op: access.EditRemoveMapping, ID: "mp-two"})
	a := adoption("103.15.250.0/24", "8.8.8.0/24", "9.9.9.0/24")
	a.Planned = "[" + pair([]string{anyAlice}, "103.15.250.0/24", "8.8.8.0/24") + "]"
	if _, err := d.Adopt(t.Context(), d.editor, a); access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "2 allowlists in this account (office, vpn)") {
		t.Errorf("got %v, want a conflict that names both", err)
	}
}
