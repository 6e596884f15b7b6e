package policy

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// kept is what a scan found of the Deny for users who were removed from a role.
type kept struct {
	without   string            // the live document without the Deny
	desired   string            // what a push writes: our statements, with the Deny for those who need it
	deleted   []string          // unique ids in the Deny
	lockedOut []access.UserName // users of the Deny who are mapped to the role again
	users     []order.WayIn     // the others, in the order of their ARNs
}

// readKept reads the Deny of a live trust policy. desired is the document that our statements make of it without the Deny.
func (s *scan) readKept(r access.LiveDocument, statements []iam.Statement, desired string) kept {
	k := kept{without: r.Document, desired: desired}
	ours, err := iam.Ours(r.Document)
	if err != nil {
		return k
	}
	found, err := order.KeptOut(ours)
	if err != nil || !found.Found {
		return k
	}
	rest, err := iam.ParseStatements(found.Rest)
	if err != nil {
		return k
	}
	if without, _, err := iam.Merge(r.Document, rest); err == nil {
		k.without, k.deleted = without, found.Deleted
	}
	op := access.PlannedOperation{Resource: r.Resource, Before: r.Document, BeforeKnown: true, After: desired}
	var need []access.UserName
	for _, u := range found.Users {
		if s.c.Mapped(s.account.ID, nameOf(r.Resource), u) {
			k.lockedOut = append(k.lockedOut, u)
			continue
		}
		w := s.c.reading().WayIn(s.account.ID, op, u)
		k.users = append(k.users, w)
		if w.Open(r.Resource) {
			need = append(need, u)
		}
	}
	k.desired = withDeny(r.Document, statements, s.account.PartitionOrDefault(), need, desired)
	return k
}

// withDeny puts our statements and the Deny for some users into a live document. without is the document for no users.
func withDeny(live string, statements []iam.Statement, partition string, users []access.UserName, without string) string {
	if len(users) == 0 {
		return without
	}
	list, err := order.Closing(iam.Statements(statements), partition, users)
	if err != nil {
		return without
	}
	closed, err := iam.ParseStatements(list)
	if err != nil {
		return without
	}
	merged, _, err := iam.Merge(live, closed)
	if err != nil {
		return without
	}
	return merged
}

func (c *Compiler) reading() order.Reading {
	return order.Reading{Accounts: c.accounts, Inventories: c.inventory}
}

func (k kept) lockedOutSentence() string {
	switch len(k.lockedOut) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" %s denies every call of %s, who is mapped to the role.", order.SidDenyRevoked, k.lockedOut[0])
	default:
		return fmt.Sprintf(" %s denies every call of %s, who are mapped to the role.", order.SidDenyRevoked, order.Names(k.lockedOut))
	}
}

// keptUsers reports the users whom the Deny keeps out of a role.
func (s *scan) keptUsers(r access.LiveDocument, k kept, mapped bool) {
	for _, w := range k.users {
		if w.Open(r.Resource) {
			s.keptOutOf(r, w, mapped)
		} else {
			s.keptNoLonger(r, k, w, mapped)
		}
	}
	for _, id := range k.deleted {
		f := access.Finding{
			Kind: access.FindingDeadPrincipal, Reason: access.ReasonUniqueID, Resource: r.Resource, Subject: id, Live: r.Document,
			Sentence: fmt.Sprintf("%s in the trust policy of %s names %s, a user who was deleted. The Deny has no effect for this id, which can be removed.",
				order.SidDenyRevoked, r.Resource, id),
			Advice: "Push the account again: the statement is written again without it.",
		}
		if !mapped {
			f.Kind, f.Reason, f.Desired, f.Advice = access.FindingDrift, access.ReasonLeftOver, k.desired, removeByHand
		}
		s.add(f)
	}
}

const removeByHand = "Remove the statement in AWS: no mapping reaches the role, so no push of the account writes its trust policy."

// keptOutOf says why the Deny for a user stays.
func (s *scan) keptOutOf(r access.LiveDocument, w order.WayIn, mapped bool) {
	how, remedy := s.opensTo(w)
	last := "Then push the account again, which removes the Deny."
	if !mapped {
		last = "Then remove the Deny in AWS: no mapping reaches the role, so no push of the account writes its trust policy."
	}
	s.add(access.Finding{
		Kind: access.FindingBypass, Reason: access.ReasonKeptOut, Resource: r.Resource, Subject: w.User.String(), Live: r.Document,
		Sentence: fmt.Sprintf("%s keeps %s out of %s in account %s (%s): the user was removed from the role, and %s.",
			order.SidDenyRevoked, w.User, r.Resource, s.account.ID, s.account.Name, how),
		Advice: remedy + " " + last,
	})
}

// opensTo says how a user would get in without the Deny, and what closes that way.
func (s *scan) opensTo(w order.WayIn) (how, remedy string) {
	statement := "statement " + iam.Some(w.Statements) + " of others"
	if len(w.Statements) == 0 {
		statement = "a statement of others that cannot be read"
	}
	if w.Admission == iam.AdmitsByName {
		return statement + " would let the user in by name or as everyone",
			"Remove " + statement + " in AWS, or this user from it, and scan the account."
	}
	how = statement + " admits the account of the user, "
	if w.UserUnread {
		return how + "whose permissions are not known because that account was not read",
			fmt.Sprintf("Remove %s in AWS, or have account %s read.", statement, w.User.Account)
	}
	var ways, remove []string
	if others := s.permissions(w.User); len(others) > 0 {
		ways = append(ways, "other permissions of the user may allow the role ("+iam.Some(others)+")")
		remove = append(remove, "these permissions")
	}
	if w.Covered {
		ways = append(ways, "the policy "+access.UserPolicyName+" of the user still covers the role")
		remove = append(remove, "the role from that policy")
	}
	return how + "and " + strings.Join(ways, ", and "),
		fmt.Sprintf("Remove %s or %s in AWS, and scan the account and account %s.", statement, strings.Join(remove, " and "), w.User.Account)
}

// permissions names what else a user may have permissions by.
func (s *scan) permissions(u access.UserName) []string {
	live, _ := s.c.inventory.User(u.Account, u.Path, u.Name)
	_, attached := access.UserSideAttachments(live.AttachedPolicies)
	var names []string
	kinds := map[string][]string{
		"inline policy ": live.InlinePolicies, "attached policy ": attached, "group ": live.Groups,
	}
	for kind, list := range kinds {
		for _, name := range list {
			names = append(names, kind+name)
		}
	}
	slices.Sort(names)
	return names
}

// keptNoLonger says that the Deny for a user is not needed any more.
func (s *scan) keptNoLonger(r access.LiveDocument, k kept, w order.WayIn, mapped bool) {
	why := "nothing else lets the user in any more"
	if w.Deleted {
		why = "this user does not exist any more"
	}
	f := access.Finding{
		Kind: access.FindingDrift, Reason: access.ReasonKeptOut, Resource: r.Resource, Subject: w.User.String(),
		Live: r.Document, Desired: k.desired,
		Sentence: fmt.Sprintf("%s keeps %s out of %s in account %s (%s), and is not needed: %s.",
			order.SidDenyRevoked, w.User, r.Resource, s.account.ID, s.account.Name, why),
		Advice: "Push the account again, which removes the Deny.",
	}
	if !mapped {
		f.Reason, f.Advice = access.ReasonLeftOver, removeByHand
	}
	s.add(f)
}
