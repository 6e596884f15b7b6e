package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Findings holds what an account's inventory says is live against what is desired, and
// returns what is not as it should be, sorted. Whether two documents are the same is
// decided by meaning, and by any shape that means the same: what others wrote since then
// may make the compiler choose another one, which is no reason to complain.
//
// It needs the inventory of the account, and those of the accounts whose users
// assume its roles and whose roles its users assume. An error says that the desired documents
// cannot be compiled; what was found without them is returned with it.
func (c *Compiler) Findings(id access.AccountID) ([]access.Finding, error) {
	inv, read := c.inventory.Of(id)
	account, ok := c.index[id]
	if !ok || !read {
		return nil, nil
	}
	s := scan{c: c, account: c.accounts[account], at: account, inv: inv, ids: c.uniqueIDs(), mapped: map[access.RoleName]roleMappings{}}
	for _, m := range c.byRole(c.mappingsAt(account)) {
		s.mapped[m.role] = m
	}
	docs, err := c.Account(id)
	if err != nil {
		s.add(access.Finding{
			Kind: access.FindingDrift, Reason: access.ReasonUnfit, Sentence: "What is desired in this account cannot be written any more: " + access.MessageOf(err) + ".",
			Advice: "Change the allowlists or mappings, or what others wrote, as the sentence says.",
		})
		return s.found, err
	}
	s.roles(docs)
	s.users(docs)
	s.userSidePolicies(docs)
	slices.SortFunc(s.found, func(a, b access.Finding) int { return strings.Compare(a.Key(), b.Key()) })
	return s.found, nil
}

// scan is one look at one account.
type scan struct {
	c       *Compiler
	account access.Account
	at      int
	inv     access.Inventory
	ids     map[string]string // unique ids to ARNs
	mapped  map[access.RoleName]roleMappings
	found   []access.Finding
}

func (s *scan) add(f access.Finding) {
	f.Account, f.AccountName = s.account.ID, s.account.Name
	s.found = append(s.found, f)
}

// uniqueIDs maps the unique ids of everybody who is known to ARNs. It is made when first
// asked for.
func (c *Compiler) uniqueIDs() map[string]string {
	c.idsOnce.Do(func() {
		c.ids = map[string]string{}
		for id, inv := range c.inventory.All() {
			partition := ""
			if i, ok := c.index[id]; ok {
				partition = c.accounts[i].PartitionOrDefault()
			}
			for _, u := range inv.Users {
				c.noteID(u.LiveDocument, id, partition)
			}
			for _, r := range inv.Roles {
				c.noteID(r, id, partition)
			}
		}
	})
	return c.ids
}

func (c *Compiler) noteID(d access.LiveDocument, id access.AccountID, partition string) {
	if d.ID != "" && d.Exists {
		c.ids[d.ID] = d.Resource.ARN(cmp.Or(partition, "aws"), id)
	}
}

func (s *scan) roles(docs Documents) {
	wanted := map[access.RoleName][]iam.Statement{}
	for _, r := range docs.Roles {
		wanted[access.RoleName{Path: r.Resource.Path, Name: r.Resource.Name}] = r.Statements
	}
	for _, m := range s.mapped {
		if s.c.knownOf(s.account.ID).hasRole(m.role) {
			s.absent(m)
		}
	}
	for _, r := range s.inv.Roles {
		name := nameOf(r.Resource)
		statements, mapped := wanted[name]
		if !r.Exists || !mapped && !strings.Contains(r.Document, iam.SidPrefix) || s.c.opts.protectionReason(name) != "" {
			continue
		}
		s.role(r, statements, mapped)
	}
}

// role looks at one role's trust policy.
func (s *scan) role(r access.LiveDocument, statements []iam.Statement, mapped bool) {
	desired, _, err := iam.Merge(r.Document, statements)
	if err != nil {
		s.add(access.Finding{
			Kind: access.FindingDrift, Reason: access.ReasonEdited, Resource: r.Resource, Live: r.Document,
			Sentence: fmt.Sprintf("The trust policy of %s cannot be read: %s.", r.Resource, access.MessageOf(err)), Advice: "Correct it in AWS, then scan again.",
		})
		return
	}
	kept := s.readKept(r, statements, desired)
	live, ghosts := s.withoutGhosts(kept.without)
	counts := r.Document
	if len(kept.lockedOut) > 0 || !iam.Equal(live, desired, s.ids) && !s.sameInAnotherShape(live, r) {
		s.drift(r.Resource, r.Document, kept.desired, reasonFor(kept.without, mapped))
		s.found[len(s.found)-1].Sentence += kept.lockedOutSentence()
		counts = kept.desired // the drift covers our statements; bypasses are about those of others
	}
	s.keptUsers(r, kept, mapped)
	if !mapped {
		return
	}
	absent := slices.ContainsFunc(s.found, func(f access.Finding) bool { return f.Reason == access.ReasonNoUser && f.Resource == r.Resource })
	if !absent {
		s.ghosts(r, ghosts, "a statement of Portcullis", "Push the account again: the statement is written again without it.")
	}
	s.ghosts(r, iam.ForeignGhosts(r.Document, s.ids), "a statement of others", "Remove the id from the statement in AWS, or remove the statement: it applies to nobody.")
	s.bypasses(r, counts)
}

func reasonFor(live string, mapped bool) access.FindingReason {
	ours, err := iam.Ours(live)
	switch {
	case !mapped:
		return access.ReasonLeftOver
	case err == nil && ours == "":
		return access.ReasonMissing
	default:
		return access.ReasonEdited
	}
}

func (s *scan) drift(r access.Resource, live, desired string, reason access.FindingReason) {
	what := map[access.FindingReason]string{
		access.ReasonMissing: "is not there", access.ReasonEdited: "is not as desired: somebody edited it, or it was not pushed",
		access.ReasonLeftOver: "is there although no mapping asks for it any more",
	}[reason]
	advice := "Push the account again to bring it back, or change the desired state."
	if reason == access.ReasonLeftOver {
		advice = "Retry the rollout that should have removed it, or remove it in AWS."
	}
	s.add(access.Finding{
		Kind: access.FindingDrift, Reason: reason, Resource: r, Live: live, Desired: desired,
		Sentence: "What Portcullis keeps in " + subjectOf(r) + " " + what + ".", Advice: advice,
	})
}

// subjectOf names whose document it is, in words.
func subjectOf(r access.Resource) string {
	switch r.Kind {
	case access.ResourceRole:
		return "the trust policy of " + r.String()
	case access.ResourceUser:
		return "the inline policy of " + r.String()
	case access.ResourceAttachments:
		return "what is attached to user " + access.RoleName{Path: r.Path, Name: r.Name}.String()
	default:
		return "the managed policy " + access.RoleName{Path: r.Path, Name: r.Name}.String()
	}
}

// sameInAnotherShape reports whether a trust policy holds our statements in another
// shape of the same meaning than the compiler would choose today.
func (s *scan) sameInAnotherShape(live string, r access.LiveDocument) bool {
	m, mapped := s.mapped[nameOf(r.Resource)]
	if !mapped {
		return false
	}
	task, _ := s.c.bind(s.account, s.at, m.role, m.mappings)
	for _, shape := range []Shape{ShapePair, ShapeJoined, ShapeEveryone, ShapePrincipals, ShapePrincipalsEveryone, ShapeNames, ShapeNamesEveryone} {
		if written, _, err := iam.Merge(r.Document, task.statements(shape)); err == nil && iam.Equal(live, written, s.ids) {
			return true
		}
	}
	return false
}

// withoutGhosts removes unique ids of users who no longer exist from our statements. A
// statement without any principal left is removed too, as when it is written again.
func (s *scan) withoutGhosts(document string) (without string, ghosts []string) {
	ours, err := iam.Ours(document)
	if err != nil {
		return document, nil
	}
	statements, err := iam.ParseStatements(ours)
	if err != nil {
		return document, nil
	}
	kept, ghosts := iam.WithoutPrincipals(statements, s.isGhost)
	if len(ghosts) == 0 {
		return document, nil
	}
	merged, _, err := iam.Merge(document, kept)
	if err != nil {
		return document, nil
	}
	return merged, ghosts
}

func (s *scan) isGhost(principal string) bool { return iam.IsGhost(principal, s.ids) }

func (s *scan) ghosts(r access.LiveDocument, ids []string, where, advice string) {
	for _, id := range ids {
		s.add(access.Finding{
			Kind: access.FindingDeadPrincipal, Reason: access.ReasonUniqueID, Resource: r.Resource, Subject: id, Live: r.Document, Advice: advice,
			Sentence: fmt.Sprintf("In the trust policy of %s %s names %s, a user or role that no longer exists. Somebody made again under the same name is not trusted by it.", r.Resource, where, id),
		})
	}
}

// absent reports the mapped users of a role who do not exist.
func (s *scan) absent(m roleMappings) {
	r := access.Resource{Kind: access.ResourceRole, Path: m.role.Path, Name: m.role.Name}
	for _, g := range s.c.template(m.mappings, s.account.ID).groups {
		for _, u := range g.users {
			u = u.In(s.account.ID)
			if s.c.knownOf(u.Account).hasUser(u) || !s.c.samePartition(u.Account, s.at) {
				continue
			}
			s.add(access.Finding{
				Kind: access.FindingDeadPrincipal, Reason: access.ReasonNoUser, Resource: r, Subject: string(u.Account) + ":" + strings.TrimPrefix(u.Path, "/") + u.Name,
				Sentence: fmt.Sprintf("User %s is mapped to %s and does not exist; the role is written without them.", u, r),
				Advice:   "Create the user again, which has the account pushed once a scan sees them, or remove them from the mapping.",
			})
		}
	}
}

// bypasses reports whom statements of others let past the mappings. Users whom a mapping
// names are restricted by our Deny, even if another statement allows them.
func (s *scan) bypasses(r access.LiveDocument, document string) {
	bs, err := iam.Bypasses(document, s.c.trustContext(s.account, nameOf(r.Resource), s.ids))
	if err != nil || len(bs) == 0 {
		return
	}
	restricted := map[string]bool{}
	m := s.mapped[nameOf(r.Resource)]
	task, _ := s.c.bind(s.account, s.at, m.role, m.mappings)
	for _, g := range task.groups {
		for _, arn := range g.arns {
			restricted[arn] = true
		}
	}
	ways, order := map[string][]string{}, []string(nil)
	for _, b := range bs {
		free := slices.DeleteFunc(slices.Clone(b.Who), func(who string) bool {
			return restricted[cmp.Or(s.ids[who], who)] || s.isGhost(who)
		})
		if len(free) == 0 || b.Restricted || b.Kept {
			continue
		}
		if ways[b.Statement] == nil {
			order = append(order, b.Statement)
		}
		ways[b.Statement] = append(ways[b.Statement], iam.Some(free)+" assume the role "+b.How)
	}
	for _, statement := range order {
		s.add(access.Finding{
			Kind: access.FindingBypass, Reason: access.ReasonAllow,
			Resource: r.Resource, Subject: statement, Live: r.Document,
			Sentence: fmt.Sprintf("Statement %s of the trust policy of %s, which is not ours, lets %s.",
				statement, r.Resource, strings.Join(ways[statement], "; it lets ")),
			Advice: "Remove the statement in AWS, set the mapping's enforcement to everyone, " +
				"or acknowledge it with the reason why it may stay.",
		})
	}
}

// trustContext returns the inputs of an evaluation of a role's trust policy other than the document.
func (c *Compiler) trustContext(a access.Account, role access.RoleName, ids map[string]string) iam.TrustContext {
	return iam.TrustContext{Account: a.ID, Partition: a.PartitionOrDefault(), Role: role, Now: c.now, IDs: ids}
}

// Mapped reports whether a user exists and is mapped to a role of an account.
func (c *Compiler) Mapped(id access.AccountID, role access.RoleName, user access.UserName) bool {
	account, ok := c.index[id]
	if !ok || !c.knownOf(user.Account).hasUser(user) {
		return false
	}
	return slices.ContainsFunc(c.mappingsAt(account), func(i int) bool {
		p := c.mappings[i]
		return p.Role == role && slices.ContainsFunc(p.Users, func(u access.UserName) bool { return u.In(id) == user })
	})
}
