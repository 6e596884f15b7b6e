package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Reading holds the accounts and inventories of a plan.
type Reading struct {
	Accounts    access.Accounts // of the organization
	Inventories *access.Inventories
}

// Arrange notes in a plan what its operations require of operations in other accounts, and keeps the Deny of users
// whom a role would admit without it. It returns the operations that do not fit with that, as errors for the editor.
// changed is false where the plan needs none of it.
func Arrange(r Reading, plan *access.Plan) (changed bool, refusals []error) {
	a := arranger{Reading: r, plan: plan, concerned: map[int32]bool{}}
	if !a.find() {
		return false, nil
	}
	a.index()
	for i := range plan.Len() {
		if !a.concerns(i) {
			continue
		}
		t := plan.Target(i)
		for n := range t.Operations {
			if err := a.arrange(&t, &t.Operations[n]); err != nil {
				refusals = append(refusals, err)
			}
		}
		plan.Replace(i, t)
		changed = true
	}
	return changed, refusals
}

// Concerns reports whether an operation of a plan opens a role or stops admitting a user.
func Concerns(plan access.Plan) bool {
	a := arranger{plan: &plan, concerned: map[int32]bool{}}
	return a.find()
}

// Patterns lists the patterns for roles in any account that the user policies of a plan newly contain. Their roles
// have to be known in all accounts before Arrange.
func Patterns(plan access.Plan) []access.RoleName {
	var roles []access.RoleName
	for _, op := range plan.Distinct() {
		if op.Kind != access.OpUserPolicy {
			continue
		}
		for _, resource := range newResources(op) {
			account, role, ok := rolePart(resource)
			if !ok || !strings.Contains(account, "*") {
				continue
			}
			if arn, literal := iam.LiteralRole("arn:aws:iam::000000000000:" + role); literal {
				_, name, _ := access.ParseRoleARN(arn)
				roles = append(roles, name)
			}
		}
	}
	slices.SortFunc(roles, func(a, b access.RoleName) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(roles)
}

// Leaving lists the users whom the trust policies of a plan stop admitting, or still keep out. The permissions of these
// users must be read before Arrange. A user without an account is one in the account of the role.
func Leaving(plan access.Plan) []access.UserName {
	found := map[access.UserName]bool{}
	byAccount := map[int32][]access.UserName{} // their names contain the id of the account
	for n, op := range plan.Distinct() {
		if op.Kind != access.OpTrustPolicy {
			continue
		}
		for _, u := range Revoked(anyAccount, readable(op.OursBefore), readable(op.OursAfter), noPath) {
			if u.Account == anyAccount {
				u.Account = ""
			}
			found[u] = true
			if strings.Contains(u.Path+u.Name, string(anyAccount)) {
				byAccount[n] = append(byAccount[n], u)
			}
		}
	}
	if len(byAccount) > 0 {
		addByAccount(plan, byAccount, found)
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b access.UserName) int { return strings.Compare(a.String(), b.String()) })
}

// addByAccount adds the users whose names contain the id of the account that an operation is about.
func addByAccount(plan access.Plan, users map[int32][]access.UserName, found map[access.UserName]bool) {
	i := 0
	for t := range plan.Accounts() {
		for _, n := range plan.Numbers(i) {
			for _, u := range users[n] {
				u.Path = strings.ReplaceAll(u.Path, string(anyAccount), string(t.Account))
				u.Name = strings.ReplaceAll(u.Name, string(anyAccount), string(t.Account))
				found[u] = true
			}
		}
		i++
	}
}

// arranger arranges one plan.
type arranger struct {
	Reading
	plan      *access.Plan
	concerned map[int32]bool // numbers of distinct operations

	writes map[access.Dependency]bool                  // trust policies that the plan writes
	users  map[access.UserName]access.PlannedOperation // the user policies of the plan
	paths  map[access.UserName]string                  // of these users, by account and name
	losing []access.UserName                           // users whose policies lose a role, sorted
}

// find looks once at each distinct operation. It reports whether any operation opens a role or stops admitting a user.
func (a *arranger) find() bool {
	loses := false // a user policy loses a role
	for _, op := range a.plan.Distinct() {
		loses = loses || (op.Kind == access.OpUserPolicy || op.Kind == access.OpDeleteUserPolicy) && losesResources(op)
	}
	for n, op := range a.plan.Distinct() {
		concerned := false
		switch op.Kind {
		case access.OpUserPolicy:
			concerned = len(newResources(op)) > 0
		case access.OpTrustPolicy:
			before, after := readable(op.OursBefore), readable(op.OursAfter)
			concerned = before != after && (loses || len(Revoked(anyAccount, before, after, anyPath)) > 0)
		}
		if concerned {
			a.concerned[n] = true
		}
	}
	return len(a.concerned) > 0
}

// A distinct operation has a mark in place of the id of its account, which JSON does not allow. The zero id
// serves as well to find the operations that need a look.
const anyAccount = access.AccountID("000000000000")

func readable(document string) string { return access.WithID(document, anyAccount) }

func anyPath(access.AccountID, string) (string, bool) { return "/", true }

func noPath(access.AccountID, string) (string, bool) { return "", false }

// newResources lists the resources that a user policy contains and did not contain before.
func newResources(op access.PlannedOperation) []string {
	had, _ := iam.AssumeResources(readable(op.Before))
	has, _ := iam.AssumeResources(readable(op.After))
	return slices.DeleteFunc(has, func(r string) bool { return slices.Contains(had, r) })
}

func (a *arranger) concerns(target int) bool {
	return slices.ContainsFunc(a.plan.Numbers(target), func(n int32) bool { return a.concerned[n] })
}

// index notes which documents the plan writes.
func (a *arranger) index() {
	a.writes, a.users = map[access.Dependency]bool{}, map[access.UserName]access.PlannedOperation{}
	a.paths = map[access.UserName]string{}
	kinds := map[int32]access.PlannedOperation{}
	for n, op := range a.plan.Distinct() {
		kinds[n] = op
	}
	i := 0
	for t := range a.plan.Accounts() {
		for seq, n := range a.plan.Numbers(i) {
			switch op := kinds[n]; op.Kind {
			case access.OpTrustPolicy:
				a.writes[access.Dependency{Account: t.Account, Resource: op.Resource}] = true
			case access.OpUserPolicy, access.OpDeleteUserPolicy:
				u := access.UserName{Account: t.Account, Path: op.Resource.Path, Name: op.Resource.Name}
				a.users[u] = a.plan.Operation(i, seq)
				a.paths[access.UserName{Account: u.Account, Name: u.Name}] = u.Path
				if losesResources(op) {
					a.losing = append(a.losing, u)
				}
			}
		}
		i++
	}
}

// losesResources reports whether a user policy contained a resource that it does not contain any more.
func losesResources(op access.PlannedOperation) bool {
	op.Before, op.After = op.After, op.Before
	return len(newResources(op)) > 0
}

// opensToOthers reports whether a trust policy changes or loses our Deny for everyone. It restricts users whom our
// statements do not name.
func opensToOthers(before, after string) bool {
	if before == after {
		return false
	}
	return deniesEveryone(before)
}

// losers lists the users whose policies lose the role by the same plan, and whom the new trust policy may admit all
// the same: by name from other networks than before, or because only our Deny for everyone restricted them. The trust
// policy must deny these users until their policies are written.
func (a *arranger) losers(account access.AccountID, op access.PlannedOperation) []access.UserName {
	if op.OursBefore == op.OursAfter {
		return nil
	}
	everyone, byName := opensToOthers(op.OursBefore, op.OursAfter), admittedUsers(op.OursAfter)
	partition := a.partition(account)
	role := op.Resource.ARN(partition, account)
	var users []access.UserName
	for _, u := range a.losing {
		policy := a.users[u]
		if !iam.MayAllowAssumeRole(policy.Before, role) || iam.MayAllowAssumeRole(policy.After, role) {
			continue
		}
		named := anyIs(byName, namedUser{UserName: u})
		if !everyone && !named {
			continue
		}
		known, _ := a.Inventories.User(u.Account, u.Path, u.Name)
		admission := iam.MayAdmit(op.After, account, u, partition, known.ID)
		if !op.BeforeKnown || admission == iam.AdmitsByAccount || admission == iam.AdmitsByName && named {
			users = append(users, u)
		}
	}
	return users
}

func (a *arranger) arrange(t *access.PlannedTarget, op *access.PlannedOperation) error {
	switch op.Kind {
	case access.OpUserPolicy:
		op.Requires = access.Requirements{Opens: a.opens(t.Account, *op)}.Encode()
		return nil
	case access.OpTrustPolicy:
		return a.revoke(t, op)
	default:
		return nil
	}
}

func (a *arranger) partition(id access.AccountID) string {
	account, _ := a.Accounts.Find(id)
	return account.PartitionOrDefault()
}

// opens lists what a user policy newly opens, sorted by account and role.
func (a *arranger) opens(home access.AccountID, op access.PlannedOperation) []access.Opening {
	user := access.UserName{Account: home, Path: op.Resource.Path, Name: op.Resource.Name}
	partition := a.partition(home)
	var opened []access.Opening
	add := func(account access.AccountID, role access.RoleName) {
		if !iam.AllowsAssumeRole(op.Before, role.ARN(partition, account)) {
			opened = append(opened, a.opening(user, account, role))
		}
	}
	resources, _ := iam.AssumeResources(op.After)
	for _, r := range resources {
		if arn, literal := iam.LiteralRole(r); literal {
			if account, role, ok := access.ParseRoleARN(arn); ok {
				add(account, role)
			}
			continue
		}
		a.expand(r, partition, add)
	}
	slices.SortFunc(opened, access.Opening.Compare)
	return slices.Compact(opened)
}

// expand yields the roles that a pattern covers: those that are known, those that the plan writes, and one in each
// account that was never read, which may have such a role.
func (a *arranger) expand(pattern, partition string, yield func(access.AccountID, access.RoleName)) {
	_, part, _ := rolePart(pattern)
	arn, named := iam.LiteralRole("arn:" + partition + ":iam::" + string(anyAccount) + ":" + part)
	_, role, _ := access.ParseRoleARN(arn)
	for _, account := range a.Accounts {
		id := account.ID
		switch {
		case account.PartitionOrDefault() != partition:
		case named:
			if !iam.CoversRole(pattern, role.ARN(partition, id)) {
				continue
			}
			_, there := a.Inventories.Role(id, role)
			written := a.writes[access.Dependency{Account: id, Resource: access.Opening{Role: role}.Resource()}]
			if there || written || !a.Inventories.Has(id) {
				yield(id, role)
			}
		default:
			inv, _ := a.Inventories.Of(id)
			for _, d := range inv.Roles {
				name := access.RoleName{Path: d.Resource.Path, Name: d.Resource.Name}
				if iam.CoversRole(pattern, name.ARN(partition, id)) {
					yield(id, name)
				}
			}
		}
	}
}

// opening says what the plan knows of a role that a user policy opens.
func (a *arranger) opening(user access.UserName, account access.AccountID, role access.RoleName) access.Opening {
	o := access.Opening{Account: account, Role: role, Basis: access.BasisUnread}
	if a.writes[access.Dependency{Account: account, Resource: o.Resource()}] {
		o.Basis = access.BasisWritten
		return o
	}
	if !a.Inventories.Has(account) {
		return o
	}
	live, _ := a.Inventories.Role(account, role)
	known, _ := a.Inventories.User(user.Account, user.Path, user.Name)
	o.Document = access.DocumentDigest(live.Document)
	switch {
	case live.Document == "" || iam.MayAdmit(live.Document, account, user, a.partition(account), known.ID) == iam.AdmitsNot:
		o.Basis = access.BasisHarmless
	case restricts(live.Document, user):
		o.Basis = access.BasisInPlace
	default:
		o.Basis = access.BasisOpen
	}
	return o
}

// restricts reports whether our statements of a trust policy deny a user anything, by name or as everyone.
func restricts(document string, user access.UserName) bool {
	ours, err := iam.Ours(document)
	if err != nil {
		return false
	}
	denied := usersIn(ours, func(s iam.Statement) bool { return s.Effect == iam.EffectDeny })
	return anyIs(denied, namedUser{UserName: user}) || deniesEveryone(ours)
}

// deniesEveryone reports whether our statements deny anything to everyone.
func deniesEveryone(statements string) bool {
	ss, err := iam.ParseStatements(statements)
	return err == nil && slices.ContainsFunc(ss, func(s iam.Statement) bool {
		return s.Effect == iam.EffectDeny && slices.Contains(s.Principals, "*")
	})
}

// revoke keeps the Deny of the users whom a trust policy stops admitting, for as long as needed.
func (a *arranger) revoke(t *access.PlannedTarget, op *access.PlannedOperation) error {
	path := func(account access.AccountID, name string) (string, bool) { return a.pathOf(t, account, name) }
	var kept, until []access.UserName
	var why []string
	for _, u := range Revoked(t.Account, op.OursBefore, op.OursAfter, path) {
		switch reason, waits := a.fate(t.Account, *op, u); {
		case reason != "":
			kept, why = append(kept, u), append(why, reason)
		case waits:
			until = append(until, u)
		}
	}
	for _, u := range a.losers(t.Account, *op) {
		if !slices.Contains(kept, u) && !slices.Contains(until, u) {
			until = append(until, u)
		}
	}
	if len(kept) > 0 {
		if err := a.keep(t.Account, op, kept); err != nil {
			return err
		}
		op.Note = strings.TrimSpace(op.Note + " " + strings.Join(why, " "))
	}
	op.Requires = access.Requirements{Revoked: until}.Encode()
	return a.fits(t, op, until)
}

// pathOf finds the path of a user: as it was read or, where it was not, as the plan writes it.
func (a *arranger) pathOf(t *access.PlannedTarget, account access.AccountID, name string) (string, bool) {
	inv, _ := a.Inventories.Of(account)
	for _, u := range inv.Users {
		if u.Resource.Name == name {
			return u.Resource.Path, true
		}
	}
	if path, planned := a.paths[access.UserName{Account: account, Name: name}]; planned {
		return path, true
	}
	for _, op := range t.Operations {
		if account == t.Account && op.Kind == access.OpAttachments && op.Resource.Name == name {
			return op.Resource.Path, true
		}
	}
	return "", false
}

// fate says why the Deny for a user must stay; or, where that is "", whether it must stay until the user's policy no
// longer names the role.
func (a *arranger) fate(account access.AccountID, op access.PlannedOperation, u access.UserName) (stays string, waits bool) {
	w := a.WayIn(account, op, u)
	if policy, planned := a.users[u]; planned {
		role := op.Resource.ARN(a.partition(account), account)
		w.Covered = w.Covered || iam.MayAllowAssumeRole(policy.Before, role) // the two differ for a rollback
		w.Covers = iam.MayAllowAssumeRole(policy.After, role)
	}
	return w.Stays(op.Resource), w.Waits(op.Resource)
}

// admission says how a trust policy may admit a user once it is written, given the statements of others as the plan
// says and as they were read last. The two differ for a rollback, which is planned from the documents that were
// written.
func (r Reading) admission(account access.AccountID, op access.PlannedOperation, u access.UserName, id string) iam.Admission {
	home, _ := r.Accounts.Find(account)
	partition := home.PartitionOrDefault()
	admission := iam.MayAdmit(op.After, account, u, partition, id)
	role := access.RoleName{Path: op.Resource.Path, Name: op.Resource.Name}
	live, known := r.Inventories.Role(account, role)
	if !known || live.Document == op.Before {
		return admission
	}
	ours, err := iam.ParseStatements(op.OursAfter)
	if err != nil {
		return iam.AdmitsByName
	}
	merged, _, err := iam.Merge(live.Document, ours)
	if err != nil {
		return iam.AdmitsByName
	}
	return max(admission, iam.MayAdmit(merged, account, u, partition, id))
}

// otherPermissions names what else may permit a user something: the console reads the names of these, not their
// contents.
func otherPermissions(u access.LiveUser) []string {
	_, attached := access.UserSideAttachments(u.AttachedPolicies)
	return slices.Concat(u.InlinePolicies, attached, u.Groups)
}

// keep adds the Deny to the planned document.
func (a *arranger) keep(account access.AccountID, op *access.PlannedOperation, users []access.UserName) error {
	ours, err := Closing(op.OursAfter, a.partition(account), users)
	if err != nil {
		return fmt.Errorf("keeping the Deny of %s in %s: %w", Names(users), op.Resource, err)
	}
	return setOurs(op, ours)
}

func setOurs(op *access.PlannedOperation, ours string) error {
	ss, err := iam.ParseStatements(ours)
	if err != nil {
		return err
	}
	is, err := iam.Rewrite(op.Before, ss)
	if err != nil {
		return err
	}
	op.After, op.OursAfter, op.Size = is.Merged, is.OursAfter, iam.Size(is.Merged)
	return nil
}

// fits refuses a trust policy that is too long with the Deny of the users whom it stops admitting.
func (a *arranger) fits(t *access.PlannedTarget, op *access.PlannedOperation, until []access.UserName) error {
	longest := *op
	if len(until) > 0 {
		if err := a.keep(t.Account, &longest, until); err != nil {
			return err
		}
	}
	if longest.Size <= op.Limit || op.Limit == 0 {
		return nil
	}
	return access.Invalid("edits", "The trust policy of %s in account %s (%s) would have %d characters, and %d are allowed: "+
		"it must keep a Deny for users whom it stops admitting, since a statement of others would let them in. "+
		"Remove fewer users at once, shorten the allowlist, remove that statement, or have the quota L-C07B4B0D "+
		"of that account raised.",
		op.Resource, t.Account, t.AccountName, longest.Size, op.Limit)
}
