package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// ShapeUserSide is the last resort, for allowlists that are too long for a trust policy.
// The role trusts its account for the mapped users by name, so each of them also needs an
// Allow in their own policies (docs/aws-facts.md, "Same-account trust"). That Allow, with a
// Deny for all other networks, is in customer managed policies that are attached to the
// user: the user-side policies.
//
// They guarantee what the pair does for as long as they are attached: the Deny wins over
// every other statement that allows the role to the user. Each policy covers one region of
// the address space, and both allows and denies within it. Where one of them is detached,
// the user has no Allow of ours left in its region, so the shape fails closed. It gives up
// three things. A person who may detach policies from a user and gives the user another
// Allow on the role lets them in from anywhere, where the pair needs an edit of the role. A
// user who is made again under the same name keeps the access only if the policies are
// attached again. Conditions other than the network stay in the trust policy.
//
// It is for users of the role's own account, since only there one push can attach the
// policies before it opens the role. With enforcement: everyone, the trust policy denies
// all callers whom no mapping names, from the networks too: they have no user-side policy
// that could tell one network from another. That is stricter than the enforcement asks
// for, so it is done only where no statement of others admits a caller who would lose by it.
const ShapeUserSide Shape = "user-side"

// The shapes of user-side policies.
const (
	// ShapeUserSidePolicy is the only user-side policy of a user: an Allow, and the Deny of
	// the pair.
	ShapeUserSidePolicy Shape = "user-side-policy"

	// ShapeUserSideRegion is one of several user-side policies, each for a region of the
	// address space. Several Denies for parts of a list would not work, since each would
	// deny the addresses of the others; within its region each is exact.
	ShapeUserSideRegion Shape = "user-side-region"
)

// Parts of Sids after our prefix that programs read.
const (
	whatUnmapped    = "Unmapped"
	sidDenyUnmapped = "Deny" + whatUnmapped
)

// UserSidePolicies hold a user to allowlists that are too long for trust policies. They are
// managed policies to be attached, in the order of their regions.
type UserSidePolicies struct {
	User     access.UserName
	Policies []Compiled
	Starts   []netip.Addr // where each policy's region begins
	Quota    int          // how many managed policies the user may have attached
	Others   int          // how many of them are not ours
}

// Attachments returns the ARNs of the policies in an account.
func (g UserSidePolicies) Attachments(a access.Account) []string {
	arns := make([]string, len(g.Policies))
	for i, p := range g.Policies {
		arns[i] = p.Resource.ARN(a.PartitionOrDefault(), a.ID)
	}
	return arns
}

// userSideRole is a role that a user assumes through their user-side policies.
type userSideRole struct {
	role   access.RoleName
	nets   *Networks
	source bool
}

// userSide says whether a role can be written in ShapeUserSide, and if not, why.
func (c *Compiler) userSide(t roleTask) (ok bool, why string) {
	if t.everyone && !t.alone {
		return false, t.unmappedLose()
	}
	for _, g := range t.groups {
		for _, u := range g.users {
			if u.Account != t.account.ID {
				return false, fmt.Sprintf("user %s is in another account than the role, and one push cannot write user-side policies and a role of two accounts in a safe order", u)
			}
		}
	}
	return true, ""
}

// unmappedLose says why the networks of a mapping for everyone cannot be in user-side
// policies of a role to which others gave access.
func (t roleTask) unmappedLose() string {
	const why = "the mapping enforces its allowlists on everyone, and people whom no mapping names have no user-side policy for these networks: they would have to be kept out altogether, "
	if len(t.admitted) == 0 {
		return why + "and what statements of others say in this account is not known; read the account first"
	}
	return why + "but statements of others admit " + iam.Some(t.admitted) + "; map them, remove those statements, or set enforcement to mapped"
}

// throughUserSide is one user and a role that they assume through user-side policies.
type throughUserSide struct {
	user access.UserName
	userSideRole
}

// usersThroughUserSide returns the users who assume the role through user-side policies.
// Users without any network do not: the trust policy denies them.
func (t roleTask) usersThroughUserSide(shape Shape) []throughUserSide {
	if shape != ShapeUserSide {
		return nil
	}
	var through []throughUserSide
	for _, g := range t.groups {
		if g.rule.nets.Closed() {
			continue
		}
		for _, u := range g.users {
			through = append(through, throughUserSide{u, userSideRole{role: t.role, nets: g.rule.nets, source: g.rule.source}})
		}
	}
	return through
}

// userSideUsers returns the roles of an account that each user assumes through user-side
// policies.
func userSideUsers(roles []Compiled) map[access.UserName][]userSideRole {
	var of map[access.UserName][]userSideRole
	for _, r := range roles {
		for _, t := range r.through {
			if of == nil {
				of = map[access.UserName][]userSideRole{}
			}
			of[t.user] = append(of[t.user], t.userSideRole)
		}
	}
	return of
}

// withoutUserSide returns the targets that a user does not assume through user-side policies.
func withoutUserSide(ts []target, account int, userSide []userSideRole) []target {
	if len(userSide) == 0 {
		return ts
	}
	return slices.DeleteFunc(slices.Clone(ts), func(t target) bool {
		return t.account == account && slices.ContainsFunc(userSide, func(g userSideRole) bool { return g.role == t.role })
	})
}

// allUserSidePolicies compiles the user-side policies of an account's users.
func (c *Compiler) allUserSidePolicies(account int, of map[access.UserName][]userSideRole) ([]UserSidePolicies, error) {
	users := make([]access.UserName, 0, len(of))
	for u := range of {
		users = append(users, u)
	}
	slices.SortFunc(users, compareUsers)
	userSide := make([]UserSidePolicies, 0, len(users))
	for _, u := range users {
		g, err := c.userSidePolicies(c.accounts[account], u, of[u])
		if err != nil {
			return nil, err
		}
		userSide = append(userSide, g)
	}
	return userSide, nil
}

// userSidePolicies compiles the user-side policies of one user.
func (c *Compiler) userSidePolicies(a access.Account, u access.UserName, roles []userSideRole) (UserSidePolicies, error) {
	quotas := a.Quotas.OrDefault()
	g := UserSidePolicies{User: u, Quota: quotas.Attachments}
	limit := quotas.ManagedPolicy
	inv := c.knownOf(a.ID)
	limit, g.Quota = cmp.Or(inv.quotas().ManagedPolicy, limit), cmp.Or(inv.quotas().Attachments, g.Quota)
	g.Others = inv.otherAttachments(u)
	groups := groupUserSide(a, roles)
	parts := c.partsOf(groups, limit)
	if len(parts) == 0 || len(parts) > g.Quota-g.Others {
		return UserSidePolicies{}, ofOneRole(a, roles, userSideTooLong(g, a, roles, len(parts), limit, c.trustQuota(a)))
	}
	for i, p := range parts {
		shape := ShapeUserSideRegion
		if len(parts) == 1 {
			shape = ShapeUserSidePolicy
		}
		ss := p.statements(groups)
		g.Starts = append(g.Starts, p.region.from)
		g.Policies = append(g.Policies, Compiled{Resource: access.UserSidePolicy(u.Name, i+1), Statements: ss, Size: iam.DocumentSize(ss), Limit: limit, Shape: shape})
	}
	return g, nil
}

// ofOneRole makes a RoleError of an error about the user-side policies of a user with one
// role.
func ofOneRole(a access.Account, roles []userSideRole, err error) error {
	if len(roles) != 1 {
		return err
	}
	return &RoleError{Role: roles[0].role, Account: a.ID, Err: err}
}

// userSideTooLong says why user-side policies cannot be written: how many there would be,
// and how many may be attached.
func userSideTooLong(g UserSidePolicies, a access.Account, roles []userSideRole, parts, limit, trust int) error {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.role.String()
	}
	what := fmt.Sprintf("the allowlists of user %s for role %s in account %s are too long for a trust policy (%d characters), and",
		access.UserName{Path: g.User.Path, Name: g.User.Name}, strings.Join(sortedSet(names), ", "), a.ID, trust)
	if parts == 0 {
		return access.Errorf(access.KindInvalid, "%s their statements do not fit into managed policies of %d characters either. What would help: map fewer roles with long allowlists to this user", what, limit)
	}
	others := ""
	if g.Others > 0 {
		others = fmt.Sprintf(", of which %d are other policies", g.Others)
	}
	return access.Errorf(access.KindInvalid, "%s they need %d user-side policies of %d characters, where %d managed policies may be attached to one user%s. What would help: merge neighbouring ranges, use fewer allowlists on these roles, detach policies that are no longer needed, or raise the quota \"Managed policies attached to an IAM user\" (up to 20) in account %s",
		what, parts, limit, g.Quota, others, a.ID)
}
