package order

import (
	"iter"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Gain is a principal who can assume a role in more ways once some documents are written: from another network, without
// MFA, or at all. It is the same in all of the accounts, but for the id of the account, which both texts may contain.
type Gain struct {
	Principal string // ARN; of a user by name alone with the path /
	Role      string // ARN, a pattern, or a user-side policy
	Accounts  []access.AccountID
}

// Each yields principal and role in every account.
func (g Gain) Each() iter.Seq2[string, string] {
	return func(yield func(principal, role string) bool) {
		for _, id := range g.Accounts {
			in := func(text string) string { return access.WithID(access.WithoutID(text, g.Accounts[0]), id) }
			if !yield(in(g.Principal), in(g.Role)) {
				return
			}
		}
	}
}

// Opens lists who gains from the documents of a plan, evaluated against the documents that were read for it. A document
// that could not be read counts as empty.
func Opens(plan access.Plan) []Gain { return gains(plan, false) }

// Closes lists who loses by a plan: who would gain if the documents that were read for it were put back. Documents that
// could not be read are left out.
func Closes(plan access.Plan) []Gain { return gains(plan, true) }

func gains(plan access.Plan, back bool) []Gain {
	var found []Gain
	for op, targets := range plan.Groups() {
		if back && !op.BeforeKnown {
			continue
		}
		first := plan.Target(targets[0])
		var accounts []access.AccountID
		for _, pair := range gainsBy(first, op, back) {
			if accounts == nil {
				accounts = idsOf(plan, targets)
			}
			found = append(found, Gain{Principal: pair[0], Role: pair[1], Accounts: accounts})
		}
	}
	return found
}

func idsOf(plan access.Plan, targets []int) []access.AccountID {
	ids := make([]access.AccountID, len(targets))
	for i, t := range targets {
		ids[i] = plan.Bare(t).Account
	}
	return ids
}

// gainsBy lists principals and roles that one operation opens.
func gainsBy(t access.PlannedTarget, op access.PlannedOperation, back bool) [][2]string {
	from, to := op.Before, op.After
	if back {
		from, to = to, from
	}
	partition := partitionIn(op.Before + op.After)
	r := op.Resource
	var pairs [][2]string
	switch op.Kind {
	case access.OpTrustPolicy:
		role := access.RoleName{Path: r.Path, Name: r.Name}
		at := iam.TrustContext{Account: t.Account, Partition: partition, Role: role}
		for _, principal := range iam.WidenedTrust(at, from, to) {
			pairs = append(pairs, [2]string{principal, role.ARN(partition, t.Account)})
		}
	case access.OpUserPolicy, access.OpDeleteUserPolicy:
		user := access.UserName{Account: t.Account, Path: r.Path, Name: r.Name}
		for _, role := range iam.WidenedUser(user, partition, from, to) {
			pairs = append(pairs, [2]string{user.ARN(partition), role})
		}
	case access.OpAttachments:
		attached, _ := access.Attachments(from)
		next, _ := access.Attachments(to)
		ours, _ := access.UserSideAttachments(next)
		for _, arn := range ours {
			if !slices.Contains(attached, arn) {
				pairs = append(pairs, [2]string{r.ARN(partition, t.Account), arn})
			}
		}
	default:
		pairs = userSideGains(t, r, partition, from, to, back)
	}
	return pairs
}

// userSideGains lists the roles that a user-side policy opens. The Deny of such a policy counts only for a role that
// admits the user by a statement of others as well: without the policy, no statement of ours admits the user.
func userSideGains(
	t access.PlannedTarget, r access.Resource, partition, from, to string, back bool,
) [][2]string {
	name, _, ok := access.UserSideOwner(r)
	if !ok {
		return nil
	}
	user := access.UserName{Account: t.Account, Path: "/", Name: name}
	roles := iam.WidenedUser(user, partition, from, to)
	for _, role := range iam.LiftedDenies(user, partition, from, to) {
		if !slices.Contains(roles, role) && admittedByOthers(t, user, partition, back) {
			roles = append(roles, role)
		}
	}
	var pairs [][2]string
	for _, role := range roles {
		pairs = append(pairs, [2]string{user.ARN(partition), role})
	}
	return pairs
}

// admittedByOthers reports whether a role of the target may admit a user by a statement of others.
func admittedByOthers(t access.PlannedTarget, user access.UserName, partition string, back bool) bool {
	trusts := 0
	for _, op := range t.Operations {
		if op.Kind != access.OpTrustPolicy {
			continue
		}
		trusts++
		document := op.After
		if back {
			document = op.Before
		}
		if len(iam.AdmittingStatements(document, t.Account, user, partition, "")) > 0 {
			return true
		}
	}
	return trusts == 0 // the trust policies stay as they are, and are not known here
}
