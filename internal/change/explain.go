package change

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// Explain says whether a user can assume a role from a given network, and which statement decides:
// at the head, at a past revision, or with a change applied.
func (s *Service) Explain(ctx context.Context, actor access.Actor, r ExplainRequest) (Explanation, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return Explanation{}, err
	}
	request, err := s.request(r)
	if err != nil {
		return Explanation{}, err
	}
	involved, err := s.involvedAccounts(ctx, request)
	if err != nil {
		return Explanation{}, err
	}
	state, at, err := s.explainedState(ctx, r, involved)
	if err != nil {
		return Explanation{}, err
	}
	w, err := s.planInputOf(ctx, state, involved)
	if err != nil {
		return Explanation{}, err
	}
	request.Now, w.Now = at, at
	compiler, err := policy.NewCompiler(w.PolicyInput(state))
	if err != nil {
		return Explanation{}, err
	}
	decision, err := compiler.Explain(request)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Decision: decision, Revision: state.Revision, At: at}
	e.TrustPolicy, e.UserPolicy, err = documentsOf(compiler, w, request)
	return e, err
}

// documentsOf returns the documents that decided, for people: the role's whole trust
// policy and the user's policy, as they would be.
func documentsOf(c *policy.Compiler, w planning.PlanInput, r iam.Request) (trust, user string, err error) {
	role := access.Resource{Kind: access.ResourceRole, Path: r.Role.Path, Name: r.Role.Name}
	live, _ := w.Inventories.Role(r.RoleAccount, r.Role)
	docs, err := c.Part(r.RoleAccount, partOf(r))
	if err != nil {
		return "", "", err
	}
	var ours []iam.Statement
	for _, d := range docs.Roles {
		if d.Resource == role {
			ours = d.Statements
		}
	}
	// Statements of ours without a mapping would be removed.
	if live.Document != "" || len(ours) > 0 {
		if trust, err = c.MergedFor(r.RoleAccount, r.Role.Rooted(), live.Document, ours, r.Principal.Rooted()); err != nil {
			return "", "", err
		}
	}
	if r.Principal.Account != r.RoleAccount {
		if docs, err = c.Part(r.Principal.Account, partOf(r)); err != nil {
			return "", "", err
		}
	}
	for _, d := range docs.Users {
		if d.Resource.Path == r.Principal.Rooted().Path && d.Resource.Name == r.Principal.Name {
			user = d.JSON()
		}
	}
	for _, g := range docs.UserSide {
		if g.User.Path == r.Principal.Rooted().Path && g.User.Name == r.Principal.Name {
			user = withUserSidePolicies(docs.Users, g)
		}
	}
	return pretty(trust), pretty(user), nil
}

// partOf asks for the documents of the role and of the user that a question is about.
func partOf(r iam.Request) *policy.Part {
	return &policy.Part{Roles: map[access.RoleName]bool{r.Role.Rooted(): true}, Users: map[access.UserName]bool{r.Principal.Rooted(): true}}
}

// withUserSidePolicies returns the relevant policies of a user as one document: the inline policies
// and the user-side policies.
func withUserSidePolicies(users []policy.Compiled, g policy.UserSidePolicies) string {
	var all policy.Compiled
	for _, d := range users {
		if d.Resource.Path == g.User.Path && d.Resource.Name == g.User.Name {
			all.Statements = append(all.Statements, d.Statements...)
		}
	}
	for _, p := range g.Policies {
		all.Statements = append(all.Statements, p.Statements...)
	}
	return all.JSON()
}

func pretty(doc string) string {
	if doc == "" {
		return ""
	}
	return iam.Pretty(doc)
}

// request reads what a person typed.
func (s *Service) request(r ExplainRequest) (iam.Request, error) {
	var fields []access.FieldError
	note := func(field string, err error) {
		if err != nil {
			fields = append(fields, access.FieldError{Field: field, Message: access.MessageOf(err)})
		}
	}
	role, err := access.ParseRoleName(r.Role)
	note("role", err)
	user, err := access.ParseUserName(r.User)
	note("user", err)
	if !r.Account.Valid() {
		fields = append(fields, access.FieldError{Field: "account", Message: "Give the 12-digit id of the account that the role is in."})
	}
	var ip netip.Addr
	if text := strings.TrimSpace(r.SourceIP); text != "" {
		if ip, err = netip.ParseAddr(text); err != nil {
			fields = append(fields, access.FieldError{Field: "source_ip", Message: "This is not an address; an address looks like 203.0.113.7 or 2001:db8::7."})
		}
	}
	q := iam.Request{
		Principal: user.In(r.Account), Role: role, RoleAccount: r.Account, SourceIP: ip, SourceVPC: strings.TrimSpace(r.SourceVPC), SourceVPCE: strings.TrimSpace(r.SourceVPCE),
		MFA: r.MFA, SessionName: strings.TrimSpace(r.SessionName), SourceIdentity: strings.TrimSpace(r.SourceIdentity), Now: s.at(),
	}
	return q, access.InvalidFields(append(fields, access.FieldsOf(q.Check())...))
}

// involvedAccounts reads the accounts that a question is about: the role's, and the user's where
// it is another one that is known.
func (s *Service) involvedAccounts(ctx context.Context, r iam.Request) ([]access.Account, error) {
	role, err := s.store.Account(ctx, r.RoleAccount)
	if err != nil && access.KindOf(err) != access.KindNotFound {
		return nil, err
	}
	if ok, _ := role.Targetable(); err != nil || !ok {
		return nil, access.Invalid("account", "There is no account %s in the organization that a rollout could reach.", r.RoleAccount)
	}
	if r.Principal.Account == r.RoleAccount {
		return []access.Account{role}, nil
	}
	user, err := s.store.Account(ctx, r.Principal.Account)
	switch {
	case err == nil:
		return []access.Account{role, user}, nil
	case access.KindOf(err) == access.KindNotFound:
		return []access.Account{role, {ID: r.Principal.Account}}, nil // of another organization
	default:
		return nil, err
	}
}

// planInputOf reads what has to be known to compile documents of some accounts. Other accounts
// count only where mappings name users of an account: the policies of these users contain all roles
// that they reach.
func (s *Service) planInputOf(ctx context.Context, state access.State, accounts []access.Account) (planning.PlanInput, error) {
	all := accounts
	var err error
	if slices.ContainsFunc(state.Mappings, namesAccounts) {
		if all, err = s.store.Accounts(ctx); err != nil {
			return planning.PlanInput{}, fmt.Errorf("reading the accounts: %w", err)
		}
	}
	w := planning.PlanInput{Now: s.at()}
	for _, a := range all {
		if ok, _ := a.Targetable(); ok && a.State != "" {
			w.Accounts = append(w.Accounts, a)
		}
	}
	if w.Inventories, err = s.store.Inventories(ctx, access.Accounts(accounts).IDs()); err != nil {
		return planning.PlanInput{}, fmt.Errorf("reading the inventories: %w", err)
	}
	return w, nil
}

func namesAccounts(m access.Mapping) bool {
	return slices.ContainsFunc(m.Users, func(u access.UserName) bool { return u.Account != "" })
}

// explainedState is the part of the state that the question is about, and as of when expiries
// count.
func (s *Service) explainedState(ctx context.Context, r ExplainRequest, accounts []access.Account) (access.State, time.Time, error) {
	if r.ChangeID == 0 {
		m, err := s.moment(ctx, r.Revision, r.At)
		if err != nil {
			return access.State{}, time.Time{}, err
		}
		state, err := s.store.StateRelevantTo(ctx, m.Number, accounts)
		return state, m.At, err
	}
	if !r.At.IsZero() {
		return access.State{}, time.Time{}, access.Invalid("at", "ask either about a date or about a change, not both")
	}
	c, err := s.store.Change(ctx, r.ChangeID)
	if err != nil {
		return access.State{}, time.Time{}, err
	}
	base, err := s.store.State(ctx, c.Base)
	if err != nil {
		return access.State{}, time.Time{}, err
	}
	state, err := base.Apply(c.Edits)
	return state.RelevantTo(accounts), s.at(), err
}
