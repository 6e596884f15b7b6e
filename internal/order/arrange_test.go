package order

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

const (
	rootHere  = "arn:aws:iam::111111111111:root"
	rootThere = "arn:aws:iam::222222222222:root"
)

var bobName = access.RoleName{Path: "/", Name: "Bob"}

func TestOpeningBases(t *testing.T) {
	theirs, ours := allow("Theirs", rootThere), mapped(daveARN)
	for name, tc := range map[string]struct {
		trust string
		want  access.OpeningBasis
	}{
		"in place":          {document(append([]string{theirs}, ours...)...), access.BasisInPlace},
		"in place for all":  {document(theirs, deny("PortcullisDenyEveryone", office, "*")), access.BasisInPlace},
		"harmless":          {document(foreignEC2), access.BasisHarmless},
		"harmless, no role": {"", access.BasisHarmless},
		"open":              {document(theirs), access.BasisOpen},
		"open, not read":    {"no JSON", access.BasisOpen},
	} {
		t.Run(name, func(t *testing.T) {
			r := reading(map[access.AccountID]access.Inventory{here: read(tc.trust), there: read("", user(dave, ""))})
			_, requires := arranged(t, r, target(there, userOp(dave, "", userPolicy(bobHere))))
			want := []access.Opening{{Account: here, Role: bobName, Basis: tc.want, Document: access.DocumentDigest(tc.trust)}}
			if diff := cmp.Diff(want, requires.Opens); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOpeningOfTrustPolicyInPlan(t *testing.T) {
	r := reading(map[access.AccountID]access.Inventory{here: read(document(foreignEC2)), there: read("", user(dave, ""))})
	_, requires := arranged(t, r,
		target(there, userOp(dave, "", userPolicy(bobHere, "arn:aws:iam::333333333333:role/Bob"))),
		target(here, trustOp(t, document(foreignEC2), mapped(daveARN)...)))
	want := []access.Opening{{Account: here, Role: bobName, Basis: access.BasisWritten}, {Account: unread, Role: bobName, Basis: access.BasisUnread}}
	if diff := cmp.Diff(want, requires.Opens); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPatternOpensRolesOfPartition: a pattern is about the known roles, and about accounts that were never read, of the
// partition of the user.
func TestPatternOpensRolesOfPartition(t *testing.T) {
	r := reading(map[access.AccountID]access.Inventory{
		here: read(document(foreignEC2)), there: read("", user(dave, "")), china: read(document(foreignEC2)),
	})
	_, requires := arranged(t, r, target(there, userOp(dave, "", userPolicy(bobAny))))
	var got []access.AccountID
	for _, o := range requires.Opens {
		got = append(got, o.Account)
	}
	if want := []access.AccountID{here, unread}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if roles := Patterns(access.NewPlan("", target(there, userOp(dave, "", userPolicy(bobAny))))); !slices.Equal(roles, []access.RoleName{bobName}) {
		t.Errorf("the patterns are %v", roles)
	}
}

func TestOpensNothingThatWasAllowed(t *testing.T) {
	r := reading(map[access.AccountID]access.Inventory{here: read(document(allow("Theirs", rootThere))), there: read("", user(dave, userPolicy(bobAny)))})
	_, requires := arranged(t, r, target(there, userOp(dave, userPolicy(bobAny), userPolicy(bobHere, "arn:aws:iam::111111111111:role/${*}"))))
	for _, o := range requires.Opens {
		if o.Account == here && o.Role == bobName {
			t.Errorf("Bob counts as newly opened: %+v", o)
		}
	}
}

func TestRevocations(t *testing.T) {
	root := allow("Theirs", rootHere, rootThere)
	covers := userPolicy(bobHere)
	for name, tc := range map[string]struct {
		others string
		users  map[access.AccountID]access.Inventory // nil where the account of dave is not read
		after  string                                // policy of dave in the plan
		kept   bool
		until  bool
		note   string
	}{
		"waits for the policy":    {root, map[access.AccountID]access.Inventory{there: read("", user(dave, covers))}, "", false, true, ""},
		"nothing admits the user": {foreignEC2, map[access.AccountID]access.Inventory{there: read("", user(dave, covers))}, "", false, false, ""},
		"user was deleted":        {root, map[access.AccountID]access.Inventory{there: read("")}, userPolicy(bobAny), false, false, ""},
		"other permissions":       {root, map[access.AccountID]access.Inventory{there: read("", user(dave, covers, "ops"))}, "", true, false, "other permissions of the user may allow the role (ops)"},
		"permissions unknown":     {root, nil, "", true, false, "the account of this user was not read"},
		"policy still covers":     {root, map[access.AccountID]access.Inventory{there: read("", user(dave, covers))}, userPolicy(bobAny), true, false, "the policy of the user still covers the role"},
		"the Deny for everyone":   {deny("TheirDeny", "", "*"), map[access.AccountID]access.Inventory{there: read("", user(dave, covers, "ops"))}, "", false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := document(append([]string{tc.others}, mapped(aliceARN, daveARN)...)...)
			known := map[access.AccountID]access.Inventory{here: read(before, user(alice, ""))}
			for id, inv := range tc.users {
				known[id] = inv
			}
			op, requires := arranged(t, reading(known), target(here, trustOp(t, before, mapped(aliceARN)...)), target(there, userOp(dave, covers, tc.after)))
			if kept := strings.Contains(op.After, deny(SidDenyRevoked, "", daveARN)); kept != tc.kept {
				t.Errorf("the Deny is kept: %t, want %t: %s", kept, tc.kept, op.After)
			}
			if until := slices.Equal(requires.Revoked, []access.UserName{dave}); until != tc.until || !until && len(requires.Revoked) > 0 {
				t.Errorf("revoked are %v, want dave: %t", requires.Revoked, tc.until)
			}
			if !strings.Contains(op.Note, tc.note) || tc.note == "" && op.Note != "" {
				t.Errorf("the note is %q, want %q", op.Note, tc.note)
			}
		})
	}
}

// TestDirectAllowKeepsDeny: a user of the account whom a statement of others names needs no policy.
func TestDirectAllowKeepsDeny(t *testing.T) {
	before := document(append([]string{allow("Theirs", aliceARN)}, mapped(aliceARN)...)...)
	r := reading(map[access.AccountID]access.Inventory{here: read(before, user(alice, userPolicy(bobHere)))})
	op, requires := arranged(t, r, target(here, trustOp(t, before), userOp(alice, userPolicy(bobHere), "")))
	if !strings.Contains(op.After, deny(SidDenyRevoked, "", aliceARN)) || len(requires.Revoked) > 0 || !strings.Contains(op.Note, "by name or as everyone") {
		t.Errorf("got %s %v %q", op.After, requires.Revoked, op.Note)
	}
}

// TestKeptDenyIsMerged: one Deny names the user who is kept out already and the one who is removed now.
func TestKeptDenyIsMerged(t *testing.T) {
	before := document(append(append([]string{allow("Theirs", rootHere, rootThere)}, mapped(aliceARN)...), deny(SidDenyRevoked, "", daveARN))...)
	r := reading(map[access.AccountID]access.Inventory{here: read(before, user(alice, "", "ops")), there: read("", user(dave, "", "ops"))})
	op, _ := arranged(t, r, target(here, trustOp(t, before)))
	if !strings.Contains(op.After, deny(SidDenyRevoked, "", aliceARN, daveARN)) || strings.Count(op.After, SidDenyRevoked) != 1 {
		t.Errorf("got %s", op.After)
	}
}

// TestKeptDenyGoesOnceNotNeeded: the user has no permission any more, and nothing waits for the user's policy.
func TestKeptDenyGoesOnceNotNeeded(t *testing.T) {
	before := document(append(append([]string{allow("Theirs", rootHere, rootThere)}, mapped(aliceARN)...), deny(SidDenyRevoked, "", daveARN))...)
	r := reading(map[access.AccountID]access.Inventory{here: read(before, user(alice, "")), there: read("", user(dave, ""))})
	op, requires := arranged(t, r, target(here, trustOp(t, before, mapped(aliceARN)...)))
	if strings.Contains(op.After, SidDenyRevoked) || len(requires.Revoked) > 0 {
		t.Errorf("got %s %v", op.After, requires.Revoked)
	}
}

// TestDenyForEveryoneGoesWithPolicy: the Deny for everyone restricts users whom our statements do not name. One plan removes
// this Deny, and the role from the policies of alice and dave. A user whom the new statements still name must be kept out as well
// until then, because they may name other networks.
func TestDenyForEveryoneGoesWithPolicy(t *testing.T) {
	everyone := []string{allow("PortcullisAllow", aliceARN), deny("PortcullisDenyEveryone", office, "*")}
	before := document(append([]string{allow("Theirs", rootHere, rootThere)}, everyone...)...)
	for name, tc := range map[string]struct {
		after []string
		is    string
		want  []access.UserName
	}{
		"removed":             {nil, "", []access.UserName{alice, dave}},
		"for mapped users":    {mapped(aliceARN), "", []access.UserName{alice, dave}},
		"policy stays":        {mapped(aliceARN), userPolicy(bobAny), []access.UserName{alice}},
		"the Deny is as ever": {everyone, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := reading(map[access.AccountID]access.Inventory{here: read(before, user(alice, userPolicy(bobHere))), there: read("", user(dave, userPolicy(bobHere)))})
			_, requires := arranged(t, r,
				target(here, trustOp(t, before, tc.after...), userOp(alice, userPolicy(bobHere), "")), target(there, userOp(dave, userPolicy(bobHere), tc.is)))
			if diff := cmp.Diff(tc.want, requires.Revoked); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRevokedUsersOfUserSidePolicies(t *testing.T) {
	names := func(users ...string) string {
		return `[{"Sid":"Portcullis` + iam.SidUserSide + `","Effect":"Allow","Principal":{"AWS":"` + rootHere + `"},"Action":["sts:AssumeRole"],` +
			`"Condition":{"StringEquals":{"aws:username":["` + strings.Join(users, `","`) + `"]}}}]`
	}
	path := func(_ access.AccountID, name string) (string, bool) {
		return map[string]string{"alice": "/", "carol": "/ops/"}[name], name != "gone"
	}
	got := Revoked(here, names("alice", "carol", "gone"), names("alice"), path)
	if want := []access.UserName{{Account: here, Path: "/ops/", Name: "carol"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: gone has no known path, and alice stays", got, want)
	}
}

// TestRevokedUsersOfCompactShapes: a trust policy may name its users by conditions instead of by principals.
func TestRevokedUsersOfCompactShapes(t *testing.T) {
	statement := func(condition string) string {
		return `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":["` + rootHere + `","` + rootThere + `"]},` +
			`"Action":["sts:AssumeRole"],"Condition":` + condition + `}]`
	}
	byName := func(names ...string) string {
		return statement(`{"StringEquals":{"aws:username":["` + strings.Join(names, `","`) + `"]}}`)
	}
	byARN := func(arns ...string) string {
		return statement(`{"ArnLike":{"aws:PrincipalArn":["` + strings.Join(arns, `","`) + `"]}}`)
	}
	pair := func(arns ...string) string {
		return `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":["` + strings.Join(arns, `","`) +
			`"]},"Action":["sts:AssumeRole"]}]`
	}
	path := func(account access.AccountID, name string) (string, bool) {
		return map[access.AccountID]string{here: "/", there: "/ops/"}[account], name != "gone"
	}
	carol := []access.UserName{{Account: here, Path: "/", Name: "carol"}, {Account: there, Path: "/ops/", Name: "carol"}}
	for name, c := range map[string]struct {
		before, after string
		want          []access.UserName
	}{
		"all names go": {byName("carol", "gone"), "", carol},
		"a name stays": {byName("alice", "carol"), byName("alice"), carol},
		"an ARN of any account goes": {
			byARN("arn:aws:iam::*:user/alice", "arn:aws:iam::*:user/dave"), byARN("arn:aws:iam::*:user/alice"),
			[]access.UserName{{Account: here, Path: "/", Name: "dave"}, {Account: there, Path: "/", Name: "dave"}},
		},
		"an ARN of one account": {byARN(aliceARN), "", []access.UserName{alice}},
		"an escaped path": {
			byARN("arn:aws:iam::111111111111:user/team-${*}/eve"), "",
			[]access.UserName{{Account: here, Path: "/team-*/", Name: "eve"}},
		},
		"a pattern of others":      {byARN("arn:aws:iam::111111111111:user/*"), "", nil},
		"from principals to names": {pair(aliceARN), byName("alice"), nil},
		"from names to principals": {byName("alice"), pair(aliceARN), []access.UserName{{Account: there, Path: "/ops/", Name: "alice"}}},
		"from principals to ARNs":  {pair(aliceARN), byARN(aliceARN), nil},
	} {
		if diff := cmp.Diff(c.want, Revoked(here, c.before, c.after, path)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestLeaving(t *testing.T) {
	svc := "arn:aws:iam::111111111111:user/svc-111111111111"
	before := document(append(mapped(aliceARN, svc), deny(SidDenyRevoked, "", daveARN))...)
	got := Leaving(access.NewPlan("", target(here, trustOp(t, before, mapped(aliceARN)...))))
	for _, want := range []access.UserName{dave, {Path: "/", Name: "svc-111111111111"}} {
		if !slices.Contains(got, want) {
			t.Errorf("got %v, want %v in it", got, want)
		}
	}
	if slices.ContainsFunc(got, func(u access.UserName) bool { return u.Name == "alice" }) {
		t.Errorf("alice stays and leaves: %v", got)
	}
}

func TestTooLongWithDeny(t *testing.T) {
	before := document(append([]string{allow("Theirs", rootHere, rootThere)}, mapped(aliceARN, daveARN)...)...)
	r := reading(map[access.AccountID]access.Inventory{here: read(before, user(alice, "")), there: read("", user(dave, userPolicy(bobHere)))})
	op := trustOp(t, before, mapped(aliceARN)...)
	op.Limit = op.Size + 10
	plan := access.NewPlan("", target(here, op), target(there, userOp(dave, userPolicy(bobHere), "")))
	_, refusals := Arrange(r, &plan)
	if len(refusals) != 1 {
		t.Fatalf("got %v, want one refusal", refusals)
	}
	for _, want := range []string{"role Bob", "account 111111111111 (acc-111111111111)", "are allowed", "Remove fewer users at once", "L-C07B4B0D"} {
		if !strings.Contains(refusals[0].Error()+access.MessageOf(refusals[0]), want) {
			t.Errorf("%v does not say %q", refusals[0], want)
		}
	}
	op.Limit = 0 // not known
	plan = access.NewPlan("", target(here, op))
	if _, refusals := Arrange(r, &plan); len(refusals) > 0 {
		t.Errorf("got %v without a limit", refusals)
	}
}
