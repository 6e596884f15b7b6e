package order

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

// pair is the documents that decide whether a user may assume Bob: the trust policy and the policy of the user.
type pair struct{ trust, own string }

// drawn is one change of Bob and of the policies of alice and dave.
type drawn struct {
	trust         access.PlannedOperation
	policies      map[access.UserName]access.PlannedOperation
	administrator map[access.UserName]bool // has all permissions by an attached policy
	plan          access.Plan
}

var people = map[access.UserName]string{alice: aliceARN, dave: daveARN}

func draw(t *rapid.T) drawn {
	arns := []string{aliceARN, daveARN}
	some := func(label string) []string {
		return slices.DeleteFunc(slices.Clone(arns), func(string) bool { return rapid.Bool().Draw(t, label) })
	}
	foreign := rapid.SampledFrom([][]string{
		{foreignEC2},
		{allow("Theirs", "arn:aws:iam::111111111111:root")},
		{allow("Theirs", "arn:aws:iam::222222222222:root", "arn:aws:iam::111111111111:root")},
		{allow("Theirs", aliceARN, daveARN)},
		{allow("Theirs", "*")},
		{foreignEC2, deny("TheirDeny", office, "*")},
	}).Draw(t, "foreign")
	ours := func(label string) []string {
		m := some(label)
		out := mapped(m...)
		if len(m) > 0 && rapid.IntRange(0, 3).Draw(t, label+" everyone") == 0 {
			out[1] = deny("PortcullisDenyEveryone", office, "*")
		}
		return out
	}
	before := append(slices.Clone(foreign), ours("before")...)
	if kept := some("kept out"); len(kept) > 0 && rapid.Bool().Draw(t, "has kept") {
		before = append(before, deny(SidDenyRevoked, "", kept...))
	}
	d := drawn{
		trust: trustOp(t, document(before...), ours("after")...), policies: map[access.UserName]access.PlannedOperation{},
		administrator: map[access.UserName]bool{},
	}
	known := map[access.AccountID]access.Inventory{}
	ops := map[access.AccountID][]access.PlannedOperation{here: {d.trust}}
	for _, u := range []access.UserName{alice, dave} {
		policies := []string{"", userPolicy(bobHere), userPolicy(bobAny), userPolicy("arn:aws:iam::111111111111:role/Other")}
		was := rapid.SampledFrom(policies).Draw(t, "was")
		if anyIs(admittedUsers(d.trust.OursAfter), namedUser{UserName: u}) {
			policies = policies[1:3] // a user who is mapped gets a policy that covers the role
		}
		is := rapid.SampledFrom(policies).Draw(t, "is")
		live := user(u, was)
		if d.administrator[u] = rapid.IntRange(0, 2).Draw(t, "administrator") == 0; d.administrator[u] {
			live.AttachedPolicies = []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
		}
		inv := known[u.Account]
		inv.Users = append(inv.Users, live)
		if u.Account == here {
			inv.Roles = []access.LiveDocument{role(d.trust.Before)}
		}
		known[u.Account] = inv
		d.policies[u] = userOp(u, was, is)
		if was != is {
			ops[u.Account] = append(ops[u.Account], d.policies[u])
		}
	}
	d.plan = access.NewPlan("", target(here, ops[here]...), target(there, ops[there]...))
	if _, refusals := Arrange(reading(known), &d.plan); len(refusals) > 0 {
		t.Fatal(refusals)
	}
	d.trust = d.plan.Target(0).Operations[0]
	for i := range 2 {
		for _, op := range d.plan.Target(i).Operations {
			if op.Resource.Kind == access.ResourceUser {
				d.policies[access.UserName{Account: d.plan.Target(i).Account, Path: "/", Name: op.Resource.Name}] = op
			}
		}
	}
	return d
}

// allows asks the judge whether a user may assume Bob.
func (d drawn) allows(t *rapid.T, u access.UserName, p pair, from string) bool {
	t.Helper()
	var own []*judge.Document
	for _, text := range []string{p.own, map[bool]string{true: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`}[d.administrator[u]]} {
		if text == "" {
			continue
		}
		doc, err := judge.Parse(text, judge.IdentityPolicy)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		own = append(own, doc)
	}
	trust, err := judge.Parse(p.trust, judge.TrustPolicy)
	if err != nil {
		t.Fatalf("%v: %s", err, p.trust)
	}
	r := judge.Request{
		Principal: judge.Principal{ARN: people[u], Account: string(u.Account)}, Action: "sts:AssumeRole", Resource: bobHere, Keys: judge.Keys{"aws:sourceip": from},
	}
	return judge.DecideTrust(r, string(here), trust, judge.Policies{Identity: own}).Allowed
}

// closing is the trust policy that keeps the Deny for some users.
func closing(t *rapid.T, op access.PlannedOperation, users []access.UserName) string {
	t.Helper()
	ours, err := Closing(op.OursAfter, "aws", users)
	if err != nil {
		t.Fatal(err)
	}
	ss, err := iam.ParseStatements(ours)
	if err != nil {
		t.Fatal(err)
	}
	merged, _, err := iam.Merge(op.Before, ss)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// pairs yields each pair of documents of a user that the engine may leave behind. Before the trust policy is written, the
// policy of a user is the one before or the cut-down one. After that, it may be the approved one. The trust policy keeps
// the Deny for the user until the policy of this user was written in some form.
func (d drawn) pairs(t *rapid.T, u access.UserName) []pair {
	t.Helper()
	op := d.policies[u]
	requires, err := access.ParseRequirements(op.Requires)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := CutDown(op.After, op.Before, "aws", requires.Opens, op.Limit)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := access.ParseRequirements(d.trust.Requires)
	if err != nil {
		t.Fatal(err)
	}
	closed := closing(t, d.trust, trust.Revoked)
	final := d.trust.After
	if slices.Contains(trust.Revoked, u) { // the Deny is for this user alone
		final = closed
	}
	return []pair{
		{d.trust.Before, op.Before},
		{d.trust.Before, cut},
		{closed, op.Before},
		{final, op.Before},
		{closed, cut},
		{closed, op.After},
		{d.trust.After, cut},
		{d.trust.After, op.After},
	}
}

// TestOrderOpensNothing: whatever the engine leaves behind, a call is allowed only if the documents before or the planned
// documents allow it.
func TestOrderOpensNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		for u := range people {
			op := d.policies[u]
			for _, from := range []string{"103.15.250.7", "8.8.8.8"} {
				if d.allows(t, u, pair{d.trust.Before, op.Before}, from) || d.allows(t, u, pair{d.trust.After, op.After}, from) {
					continue
				}
				for n, p := range d.pairs(t, u) {
					if d.allows(t, u, p, from) {
						t.Fatalf("%s may assume Bob from %s with the documents of pair %d, which neither the documents before nor the planned ones allow:\n%s\n%s\nplanned\n%s\n%s", u, from, n, p.trust, p.own, d.trust.After, op.After)
					}
				}
			}
		}
	})
}

// TestRevokedUserStaysOut: a user who is mapped no longer is let in only by what let the user in before.
func TestRevokedUserStaysOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		kept := admittedUsers(d.trust.OursAfter)
		for u := range people {
			op := d.policies[u]
			if anyIs(kept, namedUser{UserName: u}) || d.allows(t, u, pair{d.trust.Before, op.Before}, "8.8.8.8") {
				continue
			}
			was := anyIs(namedUsers(d.trust.OursBefore), namedUser{UserName: u})
			if was && d.allows(t, u, pair{d.trust.After, op.After}, "8.8.8.8") {
				t.Fatalf("%s was removed from Bob and may assume it from anywhere:\n%s\n%s", u, d.trust.After, op.After)
			}
		}
	})
}
