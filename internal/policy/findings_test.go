package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

const home = access.AccountID("111122223333")

// asPushed is the inventory of an account in which everything is as the state wants it.
func asPushed(t *testing.T, in Input) Input {
	t.Helper()
	in.Inventory = access.InventoriesOf(map[access.AccountID]access.Inventory{home: {
		Account: home,
		Roles:   []access.LiveDocument{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, ID: "AROABOB", Exists: true, Document: doc(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`)}},
		Users:   []access.LiveUser{{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, ID: "AIDAALICE", Exists: true}}},
	}})
	docs := compile(t, in, home)
	inv, _ := in.Inventory.Of(home)
	merged, _, err := iam.Merge(inv.Roles[0].Document, docs.Roles[0].Statements)
	if err != nil {
		t.Fatal(err)
	}
	inv.Roles[0].Document = merged
	if len(docs.Users) > 0 {
		inv.Users[0].Document = docs.Users[0].JSON()
	}
	for _, g := range docs.UserSide {
		inv.Users[0].AttachedPolicies = append(g.Attachments(in.Accounts[0]), "arn:aws:iam::aws:policy/Foreign")
		for _, p := range g.Policies {
			inv.Policies = append(inv.Policies, access.LiveDocument{Resource: p.Resource, Exists: true, Document: p.JSON()})
		}
	}
	in.Inventory.Put(inv)
	return in
}

func findings(t *testing.T, in Input) []access.Finding {
	t.Helper()
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := c.Findings(home)
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// long is the article with a list that is too long for a trust policy.
func long(t *testing.T) Input {
	in := articleInput(t)
	var keys []string
	for i := range 500 {
		keys = append(keys, fmt.Sprintf("9.%d.%d.0/24", i/100, i%100*2))
	}
	in.State.Allowlists[0].Entries = entries(t, keys...)
	return in
}

func TestFindingsOfOneAccount(t *testing.T) {
	role := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	user := access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}
	attached := access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "alice"}
	edit := func(from, to string) func(*access.Inventory) {
		return func(i *access.Inventory) {
			if !strings.Contains(i.Roles[0].Document, from) {
				t.Fatalf("no %s in %s", from, i.Roles[0].Document)
			}
			i.Roles[0].Document = strings.Replace(i.Roles[0].Document, from, to, 1)
		}
	}
	admit := func(statement string) func(*access.Inventory) {
		return edit(`"Statement":[`, `"Statement":[`+statement+`,`)
	}
	for _, tc := range []struct {
		name  string
		in    Input
		alter func(*access.Inventory)
		want  []string
	}{
		{"as it should be", articleInput(t), func(*access.Inventory) {}, nil},
		{"as IAM gives it back", articleInput(t), edit(`"arn:aws:iam::111122223333:user/alice"`, `["AIDAALICE"]`), nil},
		{"an edited network", articleInput(t), edit("12.148.72.0/23", "0.0.0.0/0"), []string{"drift edited " + role.String()}},
		{"our statements are gone", articleInput(t), func(i *access.Inventory) {
			i.Roles[0].Document = doc(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`)
		}, []string{"drift missing " + role.String()}},
		{"an older version makes variables plain text", withSession(t), edit(`2012-10-17`, `2008-10-17`), []string{"drift edited " + role.String()}},
		{"not a document", articleInput(t), func(i *access.Inventory) { i.Roles[0].Document = `[]` }, []string{"unfit"}},
		{"the user's policy is gone", articleInput(t), func(i *access.Inventory) { i.Users[0].Document = "" }, []string{"drift missing " + user.String()}},
		{"the user's policy was widened", articleInput(t), func(i *access.Inventory) {
			i.Users[0].Document = strings.Replace(i.Users[0].Document, "role/Bob", "role/*", 1)
		}, []string{"drift edited " + user.String()}},
		{"the user's policy names any account", articleInput(t), func(i *access.Inventory) {
			i.Users[0].Document = strings.Replace(i.Users[0].Document, string(home), "*", 1)
		}, []string{"drift edited " + user.String()}},
		{"a policy of ours for somebody who is not mapped", articleInput(t), func(i *access.Inventory) {
			i.Users = append(i.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "carol"}, Exists: true, Document: articleUser}})
		}, []string{"drift left_over user carol"}},
		{"statements of ours on a role that is not mapped", articleInput(t), func(i *access.Inventory) {
			r := i.Roles[0]
			r.Resource.Name = "Eve"
			i.Roles = append(i.Roles, r)
		}, []string{"drift left_over role Eve"}},
		{"what stays where nothing else would", articleInput(t), func(i *access.Inventory) {
			r := i.Roles[0]
			r.Resource.Name, r.Document = "Eve", doc(`{"Sid":"PortcullisDenyAll","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`)
			i.Roles = append(i.Roles, r)
		}, nil},
		{"a role that others manage alone", articleInput(t), func(i *access.Inventory) {
			r := i.Roles[0]
			r.Resource.Name, r.Document = "Eve", doc(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`)
			i.Roles = append(i.Roles, r)
		}, nil},
		{"somebody else is let in", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999999999999:root"]},"Action":"sts:*"}`), []string{"bypass allow " + role.String() + " Mine"}},
		{"a mapped user is let in twice", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}`), nil},
		{"a mapped user is let in by unique id", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"AIDAALICE"},"Action":"sts:AssumeRole"}`), nil},
		{"a user with an existing network condition", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/zoe"},"Action":"sts:AssumeRole"},` +
			`{"Sid":"MyNetworks","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/zoe"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}}}`), nil},
		{"somebody with an external id", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`), []string{"bypass allow " + role.String() + " Mine"}},
		{"a role is let in", articleInput(t), admit(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Build"},"Action":"sts:AssumeRole"}`), []string{"bypass allow " + role.String() + " #1"}},
		{"a mapped user with user-side policies is let in", long(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}`), nil},
		{"another user is let in, not by user-side policies", long(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/carol"},"Action":"sts:AssumeRole"}`), []string{"bypass allow " + role.String() + " Mine"}},
		{"everyone is let in, and our Deny for everyone restricts them", forEveryone(t), admit(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), nil},
		{"a service is let in", articleInput(t), admit(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`), nil},
		{"a deleted user in a statement of others", articleInput(t), admit(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"` + someGhost + `"},"Action":"sts:AssumeRole"}`), []string{"dead_principal unique_id " + role.String() + " " + someGhost}},
		{"a deleted user of ours", articleInput(t), edit(`"arn:aws:iam::111122223333:user/alice"`, `["arn:aws:iam::111122223333:user/alice","`+someGhost+`"]`), []string{"dead_principal unique_id " + role.String() + " " + someGhost}},
		{"a mapped user who was deleted", articleInput(t), func(i *access.Inventory) {
			i.Users = nil
			i.Roles[0].Document = strings.ReplaceAll(i.Roles[0].Document, "arn:aws:iam::111122223333:user/alice", someGhost)
		}, []string{"dead_principal no_user " + role.String() + " 111122223333:alice"}},
		{"a user-side policy is gone", long(t), func(i *access.Inventory) { i.Policies = i.Policies[1:] }, []string{"drift missing policy portcullis/Portcullis-alice-1"}},
		{"a user-side policy was opened", long(t), func(i *access.Inventory) {
			i.Policies[0].Document = strings.ReplaceAll(i.Policies[0].Document, "9.0.0.0/24", "0.0.0.0/0")
		}, []string{"drift edited policy portcullis/Portcullis-alice-1"}},
		{"a user-side policy was detached", long(t), func(i *access.Inventory) { i.Users[0].AttachedPolicies = []string{"arn:aws:iam::aws:policy/Foreign"} }, []string{"drift missing " + attached.String()}},
		{"a part was detached", long(t), func(i *access.Inventory) { i.Users[0].AttachedPolicies = i.Users[0].AttachedPolicies[1:] }, []string{"drift edited " + attached.String()}},
		{"a user-side policy that is not asked for", articleInput(t), func(i *access.Inventory) {
			p := access.UserSidePolicy("alice", 1)
			i.Policies = []access.LiveDocument{{Resource: p, Exists: true, Document: allowsAll}}
			i.Users[0].AttachedPolicies = []string{p.ARN("aws", home)}
		}, []string{"drift left_over " + attached.String(), "drift left_over policy portcullis/Portcullis-alice-1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := asPushed(t, tc.in)
			inv, _ := in.Inventory.Of(home)
			tc.alter(&inv)
			in.Inventory.Put(inv)
			c, err := NewCompiler(in)
			if err != nil {
				t.Fatal(err)
			}
			fs, err := c.Findings(home)
			if (err != nil) != slices.Equal(tc.want, []string{"unfit"}) {
				t.Fatal(err)
			}
			var got []string
			for _, f := range fs {
				text := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Kind, f.Reason, f.Resource, f.Subject))
				if f.Reason == access.ReasonUnfit {
					text = "unfit"
				}
				got = append(got, text)
				if f.Account != home || f.Sentence == "" || f.Advice == "" {
					t.Errorf("%+v lacks an account, a sentence or advice", f)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func withSession(t *testing.T) Input {
	in := articleInput(t)
	in.State.Mappings[0].SessionName = access.NamingUsername
	return in
}

func forEveryone(t *testing.T) Input {
	in := articleInput(t)
	in.State.Mappings[0].Enforcement = access.EnforceEveryone
	return in
}

// TestAnotherShapeIsNoDrift: what others add may make the compiler choose another shape
// today. What was written then still means the same.
func TestAnotherShapeIsNoDrift(t *testing.T) {
	in := articleInput(t)
	in.Accounts[0].Quotas.TrustPolicy = 850
	m := &in.State.Mappings[0]
	m.RequireMFA = true
	for _, name := range []string{"bob", "carol", "dave", "erin"} {
		m.Users = append(m.Users, access.UserName{Name: name})
	}
	in.Inventory = access.InventoriesOf(map[access.AccountID]access.Inventory{home: {Account: home, Roles: []access.LiveDocument{{
		Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true,
	}}}})
	inv, _ := in.Inventory.Of(home)
	for _, u := range m.Users {
		inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: u.Name}, Exists: true}})
	}
	in.Inventory.Put(inv)
	docs := compile(t, in, home)
	if docs.Roles[0].Shape != ShapeEveryone {
		t.Fatalf("shape %s, want everyone", docs.Roles[0].Shape)
	}
	inv.Roles[0].Document = strings.Replace(docs.Roles[0].JSON(), `"Statement":[`, `"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Build"},"Action":"sts:AssumeRole"},`, 1)
	in.Accounts[0].Quotas.TrustPolicy = 2048
	for i, u := range docs.Users {
		inv.Users[i].Document = u.JSON()
	}
	in.Inventory.Put(inv)
	if fs := findings(t, in); len(fs) != 0 {
		t.Errorf("got %+v, want nothing: the Deny for everyone restricts the build role as well", fs)
	}
}

// TestOneOfTwoWhoWasDeletedIsSaidOnce: as a mapped user who is not there, and not as the
// unique id that stands in our statement too.
func TestOneOfTwoWhoWasDeletedIsSaidOnce(t *testing.T) {
	in := articleInput(t)
	in.State.Mappings[0].Users = append(in.State.Mappings[0].Users, access.UserName{Name: "carol"})
	in = asPushed(t, in)
	inv, _ := in.Inventory.Of(home)
	inv.Roles[0].Document = strings.ReplaceAll(inv.Roles[0].Document, `"arn:aws:iam::111122223333:user/alice"`, `["arn:aws:iam::111122223333:user/alice","`+someGhost+`"]`)
	in.Inventory.Put(inv)
	if fs := findings(t, in); len(fs) != 1 || fs[0].Reason != access.ReasonNoUser || fs[0].Subject != "111122223333:carol" {
		t.Errorf("got %+v, want carol alone", fs)
	}
}

// TestAUserPolicyInAnotherShapeIsNoDrift: a user who had other inline policies when it
// was written has one that names a role for any account.
func TestAUserPolicyInAnotherShapeIsNoDrift(t *testing.T) {
	in := articleInput(t)
	in.Accounts = append(in.Accounts, access.Account{ID: "444455556666"})
	in.State.Mappings[0].Users = []access.UserName{{Account: home, Path: "/", Name: "alice"}}
	in = asPushed(t, in)
	inv, _ := in.Inventory.Of(home)
	if inv.Users[0].Document == "" || !strings.Contains(inv.Users[0].Document, "444455556666") {
		t.Fatalf("alice's policy is %s, want both roles in it", inv.Users[0].Document)
	}
	inv.Users[0].Document = replaceOnce(articleUser, "arn:aws:iam::111122223333:role/Bob", "arn:aws:iam::*:role/Bob")
	inv.Users[0].Document = replaceOnce(inv.Users[0].Document, `"Effect"`, `"Sid":"PortcullisAssumeRole","Effect"`)
	in.Inventory.Put(inv)
	if fs := findings(t, in); len(fs) != 0 {
		t.Errorf("got %+v, want nothing", fs)
	}
}
