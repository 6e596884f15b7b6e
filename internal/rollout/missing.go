package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// AWS refuses a trust policy as a whole when it names somebody who does not exist
// (docs/aws-facts.md, "Invalid principal"). One deleted user must not keep the allowlist of all
// other users from being written. So that user is left out, and the push after the user exists
// again lets the user in. AWS also refuses a user who was created moments ago, for a while.
//
// A user who was deleted and created again is another user for IAM. Trust policies show the
// unique id of the deleted user, which does not admit the new one (docs/aws-facts.md, "Unique
// ids in principals"), so decide writes the name again. The inline policy and the attachments
// of the deleted user are gone with this user.

// newFor is how long a user may be too new to be named.
const newFor = 2 * time.Minute

// noteUsers notes which users the documents of an account show to be there, or not, and since when.
func (u *push) noteUsers(account access.AccountID, live []access.LiveDocument) {
	for _, d := range live {
		if d.Resource.Kind == access.ResourceUser || d.Resource.Kind == access.ResourceAttachments {
			arn := d.Resource.ARN(u.claim.Account.PartitionOrDefault(), account)
			u.users[arn], u.created[arn] = d.Exists, d.CreatedAt
		}
	}
}

// missing reports whether a user is known not to be there.
func (u *push) missing(arn string) bool {
	there, looked := u.users[arn]
	return looked && !there
}

func (u *push) anyMissing() bool {
	for _, there := range u.users {
		if !there {
			return true
		}
	}
	return false
}

// leaveOutMissing removes users who do not exist from the document that a step is to write.
func (u *push) leaveOutMissing(s *step) {
	if s.op.Kind != access.OpTrustPolicy || !u.anyMissing() {
		return
	}
	ours, err := iam.ParseStatements(s.op.OursAfter)
	if err != nil {
		return // decide says so
	}
	kept, dropped := iam.WithoutPrincipals(ours, u.missing)
	if len(dropped) == 0 {
		return
	}
	s.op.OursAfter = iam.Statements(kept)
	s.without = joinSentences(s.without, leftOut(s.op.Resource, dropped))
}

// findRecreated lists the ARNs of users who exist, while a trust policy of the target shows, or
// showed before this target wrote it, the unique id of a deleted user in their place.
func (u *push) findRecreated() map[string]bool {
	found := map[string]bool{}
	for i := range u.steps {
		op := u.steps[i].op
		if op.Kind != access.OpTrustPolicy {
			continue
		}
		for _, document := range []string{u.live[op.Resource].Document, op.LiveBefore} {
			for _, arn := range ghostsOf(op, document, u.ids) {
				if u.users[arn] {
					found[arn] = true
				}
			}
		}
	}
	return found
}

// ghostsOf maps the unique ids of deleted users in our part of a trust policy to the ARNs of these
// users.
func ghostsOf(op access.Operation, document string, ids map[string]string) map[string]string {
	ours, err := iam.Ours(document)
	if err != nil {
		return nil
	}
	is, errIs := iam.ParseStatements(ours)
	were, errWere := iam.ParseStatements(op.OursBefore)
	if errIs != nil || errWere != nil {
		return nil
	}
	return iam.GhostNames(is, were, ids)
}

// expectNothingOf makes a user's document that does not exist count as planned where the user was
// created again: the plan saw the document of the deleted user, and no person has removed it.
func (u *push) expectNothingOf(s *step, recreated map[string]bool) {
	kind, open := s.op.Resource.Kind, s.op.State == access.OperationPlanned || s.op.State == access.OperationIntended
	if !open || kind != access.ResourceUser && kind != access.ResourceAttachments {
		return
	}
	user := userResource(access.UserName{Path: s.op.Resource.Path, Name: s.op.Resource.Name})
	if recreated[user.ARN(u.claim.Account.PartitionOrDefault(), u.claim.Account.ID)] {
		s.op.BeforeKnown = false
	}
}

// nameRecreated puts names in place of unique ids in the trust policy that a step is to write. A
// rollback restores the earlier document, which may show the id of a deleted user. AWS refuses
// such an id, and it does not admit the user of the same name who exists now. The statements
// before tell whose id it is. Any other id is left out.
func (u *push) nameRecreated(s *step) {
	if s.op.Kind != access.OpTrustPolicy {
		return
	}
	ours, err := iam.ParseStatements(s.op.OursAfter)
	if err != nil {
		return // decide says so
	}
	names := withGhosts(s.op.OursAfter, s.op.OursBefore, u.ids)
	changed := false
	for i := range ours {
		for j, p := range ours[i].Principals {
			if iam.IsUniqueID(p) && names[p] != "" {
				ours[i].Principals[j], changed = names[p], true
			}
		}
	}
	kept, dropped := iam.WithoutPrincipals(ours, iam.IsUniqueID)
	if changed || len(dropped) > 0 {
		s.op.OursAfter = iam.Statements(kept)
	}
	if len(dropped) > 0 {
		unknown := strings.Join(dropped, ", ")
		s.without = joinSentences(s.without, fmt.Sprintf("The %s does not name %s: AWS does not know this id any more.",
			s.op.Resource, unknown))
	}
}

func leftOut(r access.Resource, arns []string) string {
	names := make([]string, len(arns))
	for i, arn := range arns {
		names[i] = access.NameInARN(arn)
	}
	is, them := "is no user", "this user is"
	if len(arns) > 1 {
		is, them = "are no users", "these users are"
	}
	return fmt.Sprintf("The %s does not name %s, who %s of the account now. A push after %s there again lets them in.", r, strings.Join(names, ", "), is, them)
}

// refusedPrincipal sees to a trust policy that AWS refuses since it names somebody who
// is not there. again is true where it should be sent once more, without them.
func (u *push) refusedPrincipal(ctx context.Context, s *step, refusal error) (again bool, err error) {
	found, err := u.lookForUsers(ctx, s)
	switch {
	case err != nil:
		return false, err
	case found:
		u.leaveOutMissing(s)
		return u.decideAgain(ctx, s)
	case u.mayNameNew(s):
		s.later = fmt.Errorf("AWS does not know a user yet whom %s names", s.op.Resource)
		s.notBefore = max(u.now().Sub(u.firstTried(s)), askAgainFirst)
		return false, nil
	}
	refused := s.document
	found, err = u.findDead(ctx, s)
	if err == nil && found {
		again, err = u.decideAgain(ctx, s)
	}
	if err == nil && s.write && s.document == refused { // AWS would refuse it again
		s.refuse("", newRefusal(refusal))
		return false, nil
	}
	return again, err
}

// askAgainFirst is how long a document that names a new user waits after AWS refused it. The next waits
// are longer. A burst of refused principals looks like an attempt to guess names (docs/aws-facts.md,
// "Invalid principal").
const askAgainFirst = 30 * time.Second

// mayNameNew reports whether a trust policy that AWS refused may be accepted later unchanged: it names a
// user who was created moments ago, or about whom nothing is known, and the wait is not over.
func (u *push) mayNameNew(s *step) bool {
	if u.now().Sub(u.firstTried(s)) >= newFor {
		return false
	}
	statements, err := iam.ParseStatements(s.op.OursAfter)
	if err != nil {
		return false // decide has judged the document
	}
	for _, statement := range statements {
		for _, arn := range statement.Principals {
			if _, isUser := access.ParseUserARN(arn); isUser && u.now().Sub(u.createdAt(arn)) < newFor {
				return true
			}
		}
	}
	return false
}

// createdAt is when a user was created; now if that is not known.
func (u *push) createdAt(arn string) time.Time {
	if at := u.created[arn]; !at.IsZero() {
		return at
	}
	return u.now()
}

// notThere sees to a document that AWS refuses since something is not there. Either
// the user was deleted since they were read, or AWS does not know of them yet, or of a
// policy that is to be attached: what was made moments ago may be known in one place and
// not in another. Only who is really gone blocks nothing.
//
// AWS also denies a write to a role or user that does not exist, because the deployment role may write
// only roles with the tag and users with the boundary (docs/aws-facts.md, "Conditions on what does not
// exist").
func (u *push) notThere(ctx context.Context, s *step, refusal error) error {
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, []access.Resource{s.op.Resource})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && u.worthWaiting(err):
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	case err != nil:
		s.refuse("", newRefusal(err))
		return nil
	}
	u.live[s.op.Resource], s.readAt = docs[0], asked
	switch {
	case !docs[0].Exists:
		s.decision = absent(s.op, docs[0].RealName)
	case access.CloudClassOf(refusal) == access.CloudGone && u.now().Sub(u.firstTried(s)) < newFor:
		s.later = refusal
	default:
		s.refuse("", newRefusal(refusal))
	}
	return nil
}

// lookForUsers asks AWS for the users of a document that were not looked for yet, and
// reports whether some of them are not there. An account that does not answer tells
// nothing.
func (u *push) lookForUsers(ctx context.Context, s *step) (found bool, err error) {
	byAccount := map[access.AccountID][]access.Resource{}
	statements, err := iam.ParseStatements(s.op.OursAfter)
	if err != nil {
		return false, nil //nolint:nilerr // decide has judged the document
	}
	for _, statement := range statements {
		for _, arn := range statement.Principals {
			name, ok := access.ParseUserARN(arn)
			user := userResource(name)
			if _, looked := u.users[arn]; ok && !looked && !slices.Contains(byAccount[name.Account], user) {
				byAccount[name.Account] = append(byAccount[name.Account], user)
			}
		}
	}
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		users := byAccount[account]
		docs, err := u.cfg.Cloud.Read(ctx, u.scopeIn(account), users)
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case access.CloudClassOf(err) == access.CloudThrottled && err != nil:
			return false, &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
		case err != nil:
			continue
		}
		u.noteUsers(account, docs)
		found = found || slices.ContainsFunc(docs, func(d access.LiveDocument) bool { return !d.Exists })
	}
	return found, nil
}

// scopeIn is a scope that may read in an account. In the target's own it is that of the
// push, whose session is there already.
func (u *push) scopeIn(account access.AccountID) access.Scope {
	if account == u.claim.Account.ID {
		return u.scope
	}
	return access.Scope{
		Account:     access.Account{ID: account, Partition: u.claim.Account.Partition, State: access.AccountActive},
		SessionName: u.scope.SessionName,
	}
}

// firstTried is when this document was first sent, on whatever claim.
func (u *push) firstTried(s *step) time.Time {
	if s.op.State == access.OperationIntended && !s.op.IntendedAt.IsZero() {
		return s.op.IntendedAt
	}
	return u.now()
}

// decideAgain decides about a step whose document has changed under way, and commits the
// new intent.
func (u *push) decideAgain(ctx context.Context, s *step) (again bool, err error) {
	u.decideOn(s)
	if !s.write && !s.corrected {
		return false, nil
	}
	return s.write, u.intendTo(ctx, []*step{s})
}
