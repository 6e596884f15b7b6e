package web

import (
	"context"
	"net/netip"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/change"
)

// Changes is what the console needs of the change service.
type Changes interface {
	Adopting
	Overview(ctx context.Context, actor access.Actor) (change.Overview, error)
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	Allowlist(ctx context.Context, actor access.Actor, id string, q access.PageQuery) (change.AllowlistView, error)
	CheckAddress(ctx context.Context, actor access.Actor, addr string) ([]access.Containing, error)
	Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error)
	Mapping(ctx context.Context, actor access.Actor, id string) (access.Mapping, error)
	AccountPage(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], error)
	OUs(ctx context.Context, actor access.Actor) ([]access.OURow, error)
	// AccountsAndOUs is AccountPage and OUs of one moment.
	AccountsAndOUs(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], []access.OURow, error)
	Account(ctx context.Context, actor access.Actor, id access.AccountID) (change.AccountView, error)
	State(ctx context.Context, actor access.Actor, revision int64) (access.State, error)
	Changes(ctx context.Context, actor access.Actor, q access.ChangeQuery) (access.Page[access.Change], error)
	Drafts(ctx context.Context, actor access.Actor) ([]access.Change, error)
	Change(ctx context.Context, actor access.Actor, id int64) (access.Change, error)
	View(ctx context.Context, actor access.Actor, id int64) (change.View, error)
	Plan(ctx context.Context, actor access.Actor, id int64) (access.Plan, error)
	Explain(ctx context.Context, actor access.Actor, r change.ExplainRequest) (change.Explanation, error)
	Audit(ctx context.Context, actor access.Actor, f access.AuditFilter) (access.Page[access.AuditEvent], error)
	Exchange

	Draft(ctx context.Context, actor access.Actor, in change.Input) (access.Change, error)
	Propose(ctx context.Context, actor access.Actor, on int64, p change.Proposal) (access.Change, error)
	Revise(ctx context.Context, actor access.Actor, id, version int64, p change.Proposal) (access.Change, error)
	Edit(ctx context.Context, actor access.Actor, id, version int64, in change.Input) (access.Change, error)
	Describe(ctx context.Context, actor access.Actor, id, version int64, title, reason string) (access.Change, error)
	DropEdit(ctx context.Context, actor access.Actor, id, version int64, index int) (access.Change, error)
	AddEntries(
		ctx context.Context, actor access.Actor, id int64, allowlistID string, n change.NewEntries,
	) (access.Change, error)
	RemoveEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, keys []string) (access.Change, error)
	SaveEntry(ctx context.Context, actor access.Actor, id int64, allowlistID string, e access.Entry) (access.Change, error)
	SaveMapping(ctx context.Context, actor access.Actor, id int64, m access.Mapping) (access.Change, error)
	RemoveMapping(ctx context.Context, actor access.Actor, id int64, mappingID string) (access.Change, error)
	SaveAllowlist(ctx context.Context, actor access.Actor, id int64, a access.Allowlist) (access.Change, error)
	RemoveAllowlist(ctx context.Context, actor access.Actor, id int64, allowlistID string) (access.Change, error)
	Submit(ctx context.Context, actor access.Actor, id, version int64, options ...change.Option) (access.Change, error)
	Review(ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, digest, comment string, options ...change.Option) (access.Change, error)
	Staging
	Withdraw(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Rebase(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	// Rules are review rules and settings at the head; RuleForm also has what a form
	// offers.
	Rules(ctx context.Context, actor access.Actor) (change.RulesView, error)
	RuleForm(ctx context.Context, actor access.Actor, atMost int) (change.RulesView, error)
	SaveRule(ctx context.Context, actor access.Actor, id int64, r access.ReviewRule) (access.Change, error)
	RemoveRule(ctx context.Context, actor access.Actor, id int64, ruleID string) (access.Change, error)
	SaveSettings(ctx context.Context, actor access.Actor, id int64, settings access.Settings) (access.Change, error)
	Comment(ctx context.Context, actor access.Actor, id int64, body string, options ...change.Option) (access.Comment, error)
	Comments(ctx context.Context, actor access.Actor, id int64) ([]access.Comment, error)
	Confirm(ctx context.Context, actor access.Actor, id int64, code access.GuardCode, typed string) (access.Change, error)
	Clone(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	ChangedSince(ctx context.Context, actor access.Actor, id int64) (access.ChangedSince, error)
	ApplyAlone(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Rollout, error)
	PushAgain(ctx context.Context, actor access.Actor) (access.Rollout, error)

	CancelSchedule(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Revisions(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.Revision], error)
	// PastAllowlist is an allowlist at a point of the past, with a page of its entries.
	PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error)
	MomentAt(ctx context.Context, actor access.Actor, revision int64, at time.Time) (change.Moment, error)
}

// Rollouts is what the console needs of the rollout service.
type Rollouts interface {
	RolloutControl
	Waves
	Rollouts(ctx context.Context, actor access.Actor, q access.RolloutQuery) (access.Page[access.Rollout], error)
	Rollout(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Targets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery) (access.Page[access.Target], error)
	Target(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Target, error)
	Operations(ctx context.Context, actor access.Actor, id int64, account access.AccountID) ([]access.Operation, error)
	Pause(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Resume(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Retry(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Abort(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error)
	Watch(ctx context.Context, actor access.Actor, id int64) (<-chan access.Rollout, error)
}

// Organization is what the console needs of the drift service.
type Organization interface {
	Findings
	Sync(ctx context.Context, actor access.Actor) error
}

// Identity is what the console needs of the sign-in service. Each call re-reads the
// person, so that a disabled person or a lost role counts at once.
type Identity interface {
	SignIn(ctx context.Context, email, password string, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
	SignOut(ctx context.Context, actor access.Actor) error
	Actor(ctx context.Context, personID, generation int64, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
	TokenActor(ctx context.Context, secret string, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
	People(ctx context.Context, actor access.Actor) ([]access.Person, error)
	Tokens(ctx context.Context, actor access.Actor) ([]access.Token, error)
	CreateToken(ctx context.Context, actor access.Actor, personID int64, n authn.NewToken) (access.Token, string, error)
	RevokeToken(ctx context.Context, actor access.Actor, id int64) error
	Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error)
	SetPlace(ctx context.Context, actor access.Actor, personID int64, place authn.Place, say authn.PersonChange) (access.Person, error)
	Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (p access.Person, initial string, err error)
	ResetPassword(ctx context.Context, actor access.Actor, personID int64, keepTokens bool) (initial string, err error)
	ChangePassword(ctx context.Context, actor access.Actor, personID int64, n authn.NewPassword) (generation int64, err error)
	// Sessions are a person's open ones; here is the token of the one in which that is asked.
	Sessions(ctx context.Context, actor access.Actor, personID int64, here string) ([]access.SignedIn, error)
	EndSession(ctx context.Context, actor access.Actor, id int64) error
	EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error)
	NoteRefusal(ctx context.Context, actor access.Actor, r authn.Refusal) error
}

// Replies keeps the answers to requests with an idempotency key.
type Replies interface {
	BeginReply(ctx context.Context, tokenID int64, key string, fingerprint []byte, at time.Time) (kept access.Reply, fresh bool, err error)
	FinishReply(ctx context.Context, tokenID int64, key string, r access.Reply) error
	DropReply(ctx context.Context, tokenID int64, key string) error
}
