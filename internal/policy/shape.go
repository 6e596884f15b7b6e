package policy

import (
	"slices"
	"strconv"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Shape is a way to write the same meaning. The compiler takes the first that fits the
// quota, in the order of the constants.
type Shape string

// The shapes of a trust policy.
const (
	// ShapePair is the article's own: for each group of users under the same rule an
	// Allow, and a Deny for the same users unless they come from the allowlist. It
	// guarantees that a mapped user gets in from the allowlist only, whatever other
	// statements or the user's own policies allow. It says nothing about anybody else,
	// unless enforcement is everyone.
	ShapePair Shape = "pair"

	// ShapeJoined writes one Allow for all users, and one Deny per distinct condition for
	// the users it concerns. The guarantee is that of the pair.
	ShapeJoined Shape = "joined"

	// ShapeEveryone is joined, with a Deny that concerns all mapped users written for
	// everyone but AWS services. For mapped users the guarantee is that of the pair.
	// The compiler chooses it only where no statement of others admits anybody, since it
	// restricts them too. Otherwise a mapping has to ask for it by enforcement: everyone.
	ShapeEveryone Shape = "everyone"

	// ShapePrincipals is joined, with the users' accounts as principals and a condition on
	// aws:PrincipalArn that picks the users: one statement for the users of all accounts,
	// in which a user whom every one of them has under the same path and name is written
	// once. The guarantee is that of the pair with two differences, which both come from
	// trusting an account instead of a user. The user needs the Allow of their own policy
	// too, which we write: an account that is trusted still has to permit it (docs/aws-facts.md,
	// "Same-account trust"). And the condition is compared with the ARN as it is at the call, never with
	// the unique id behind it, so that a user who is deleted and made again under the same
	// path and name keeps the access (docs/aws-facts.md, "Unique ids in principals"): a person
	// who may make users in those accounts may make one of that name. In return AWS takes the
	// document whether or not the users exist, and a user who is gone cannot block it.
	ShapePrincipals Shape = "principals"

	// ShapePrincipalsEveryone is principals and everyone together, with the limits of both.
	ShapePrincipalsEveryone Shape = "principals-everyone"

	// ShapeNames is joined, with the users written by their bare names under their
	// accounts: a statement for each set of accounts in which the same names are mapped.
	// The limits are those of principals, and the path does not count: names are unique in
	// an account (docs/aws-facts.md, "Names and paths"), but a user who is moved to another path, or made again
	// under another, keeps the access too.
	ShapeNames Shape = "names"

	// ShapeNamesEveryone is names and everyone together, with the limits of both.
	ShapeNamesEveryone Shape = "names-everyone"
)

// The shapes of a user's policy.
const (
	// ShapeExact names every role by its ARN.
	ShapeExact Shape = "exact"

	// ShapeAnyAccount names a role that is mapped in several accounts once, with any
	// account. The user's policy then permits to ask for a role of this name anywhere;
	// whether it is given is for the role's trust policy to say. It gives up that the
	// user's policy alone keeps them from roles of that name that others trust them
	// with.
	ShapeAnyAccount Shape = "any-account"
)

// shapes lists the shapes that mean the same for this role, in the order of preference:
// those that trust users before those that trust accounts, which give something up.
func (t roleTask) shapes() []Shape {
	if t.alone {
		return []Shape{ShapePair, ShapeJoined, ShapeEveryone, ShapePrincipalsEveryone, ShapeNamesEveryone}
	}
	return []Shape{ShapePair, ShapeJoined, ShapePrincipals, ShapeNames}
}

func (t roleTask) statements(s Shape) []iam.Statement {
	w := writer{task: t}
	switch s {
	case ShapePair:
		w.pair()
	case ShapePrincipals, ShapePrincipalsEveryone:
		w.by = byPrincipal
		w.writeJoined(s == ShapePrincipalsEveryone)
	case ShapeNames, ShapeNamesEveryone:
		w.by = byName
		w.writeJoined(s == ShapeNamesEveryone)
	case ShapeUserSide:
		w.by, w.userSide = byName, true
		w.task.everyone = false // their networks are as much too long as the users'
		w.writeJoined(false)
		if t.everyone {
			w.denyUnmapped()
		}
	default:
		w.writeJoined(s == ShapeEveryone)
	}
	w.everyone()
	return w.statements
}

// The conditions that do not depend on the allowlist. A user who must show something is
// refused by a Deny when they do not, rather than by a condition on our Allow, so that
// no Allow of somebody else lets them in without. Each is safe when the key is missing:
// long-term keys carry no MFA keys (docs/aws-facts.md, "MFA keys"), and a negated operator is true for a
// missing key (docs/aws-facts.md, "Missing condition keys").
var (
	withoutMFA    = []iam.Condition{iam.NewCondition("BoolIfExists", "aws:MultiFactorAuthPresent", "false")}
	otherSession  = []iam.Condition{iam.NewCondition("StringNotEquals", "sts:RoleSessionName", "${aws:username}")}
	otherIdentity = []iam.Condition{iam.NewCondition("StringNotEquals", "sts:SourceIdentity", "${aws:username}")}
	noService     = iam.NewCondition("BoolIfExists", "aws:PrincipalIsAWSService", "false")
)

// mfaDeny denies callers without MFA, or with an MFA that is too old. The age is missing
// without MFA, so one condition covers both.
func (r rule) mfaDeny() []iam.Condition {
	if r.mfaAge > 0 {
		return []iam.Condition{iam.NewCondition("NumericGreaterThanIfExists", "aws:MultiFactorAuthAge", strconv.FormatInt(int64(r.mfaAge.Seconds()), 10))}
	}
	return withoutMFA
}

func (r rule) allowActions() []string {
	if r.source {
		return iam.AssumeRoleAndSetSourceIdentity
	}
	return iam.AssumeRole
}

// writer writes one role's statements in one shape.
type writer struct {
	task       roleTask
	by         naming
	userSide   bool // the networks are in user-side policies
	statements []iam.Statement
}

// pair writes the groups one after the other.
func (w *writer) pair() {
	for i, g := range w.task.groups {
		n := ""
		if len(w.task.groups) > 1 {
			n = strconv.Itoa(i + 1)
		}
		if g.rule.nets.Closed() {
			w.deny("Network"+n, g.arns, nil)
			continue
		}
		w.add(iam.EffectAllow, "Allow"+n, g.arns, g.rule.allowActions(), nil)
		if !w.coveredByEveryone(g.rule) {
			w.deny("Network"+n, g.arns, g.rule.nets.deny)
		}
		if g.rule.mfa && !w.mfaCoveredByEveryone(g.rule) {
			w.deny("MFA"+n, g.arns, g.rule.mfaDeny())
		}
		if g.rule.session {
			w.deny("SessionName"+n, g.arns, otherSession)
		}
		if g.rule.source {
			w.deny("SourceIdentity"+n, g.arns, otherIdentity)
		}
	}
}

func (w *writer) deny(what string, arns []string, cs []iam.Condition) {
	w.add(iam.EffectDeny, "Deny"+what, arns, iam.AssumeRole, cs)
}

func (w *writer) add(effect, sid string, principals, actions []string, cs []iam.Condition) {
	w.statements = append(w.statements, iam.Statement{Sid: iam.SidPrefix + sid, Effect: effect, Principals: principals, Actions: actions, Conditions: cs})
}

// coveredByEveryone reports whether the Deny for everyone already refuses this rule's users outside
// their networks; mfaCoveredByEveryone does the same for MFA.
func (w *writer) coveredByEveryone(r rule) bool {
	return w.task.everyone && r.nets.sameAs(w.task.everyoneRule.nets)
}

func (w *writer) mfaCoveredByEveryone(r rule) bool {
	return w.task.everyone && w.task.everyoneRule.mfa && r.mfaAge == w.task.everyoneRule.mfaAge
}

// everyone writes the Deny for callers who are not mapped, with the condition that spares
// AWS services, whose network context is redacted (docs/aws-facts.md, "Service principals").
func (w *writer) everyone() {
	if !w.task.everyone {
		return
	}
	w.denyEveryone("Everyone", w.task.everyoneRule.nets.deny)
	if w.task.everyoneRule.mfa {
		w.denyEveryone("EveryoneMFA", w.task.everyoneRule.mfaDeny())
	}
}

func (w *writer) denyEveryone(what string, cs []iam.Condition) {
	w.deny(what, []string{"*"}, iam.SortConditions(append(slices.Clone(cs), noService)...))
}

// denyUnmapped keeps all callers out whom no mapping names. It replaces the Deny for
// everyone where the networks are in user-side policies: a caller without a mapping has no
// policy of ours that could hold them to the networks.
func (w *writer) denyUnmapped() {
	var open []access.UserName
	for _, g := range w.task.groups {
		if !g.rule.nets.Closed() {
			open = append(open, g.users...)
		}
	}
	spared := iam.NewCondition("ArnNotLike", "aws:PrincipalArn", w.principalARNs(open)...)
	w.denyEveryone(whatUnmapped, []iam.Condition{spared})
}

// facet is one condition and the groups it concerns.
type facet struct {
	what   string
	conds  []iam.Condition
	groups []int
	nets   *Networks
	age    int64
}

// writeJoined writes one Allow for all and one Deny per facet. Where everyone is set, a Deny
// that concerns all mapped users is written for everyone.
func (w *writer) writeJoined(everyone bool) {
	w.allowAll(false)
	w.allowAll(true)
	open := 0
	for _, g := range w.task.groups {
		if !g.rule.nets.Closed() {
			open++
		}
	}
	for _, kind := range [][]facet{w.networkFacets(), w.mfaFacets(), w.nameFacets("SessionName", otherSession), w.nameFacets("SourceIdentity", otherIdentity)} {
		for i, f := range kind {
			n := ""
			if len(kind) > 1 {
				n = strconv.Itoa(i + 1)
			}
			closed := f.nets != nil && f.nets.Closed()
			if all := len(f.groups) == open && !closed || len(f.groups) == len(w.task.groups); everyone && all {
				w.denyEveryone(f.what+n, f.conds)
				continue
			}
			w.forUsers(iam.EffectDeny, "Deny"+f.what+n, f.groups, iam.AssumeRole, f.conds)
		}
	}
}

func (w *writer) allowAll(source bool) {
	var groups []int
	for i, g := range w.task.groups {
		if !g.rule.nets.Closed() && g.rule.source == source {
			groups = append(groups, i)
		}
	}
	switch {
	case len(groups) == 0:
	case source:
		w.forUsers(iam.EffectAllow, w.allowSid()+"SourceIdentity", groups, iam.AssumeRoleAndSetSourceIdentity, nil)
	default:
		w.forUsers(iam.EffectAllow, w.allowSid(), groups, iam.AssumeRole, nil)
	}
}

// allowSid tells in the document itself that the networks are to be found elsewhere.
func (w *writer) allowSid() string {
	if w.userSide {
		return iam.SidUserSide
	}
	return "Allow"
}

func (w *writer) networkFacets() []facet {
	var fs []facet
	found := map[*Networks]int{} // a compiler's networks that admit the same are the same
	for i, g := range w.task.groups {
		if w.coveredByEveryone(g.rule) || w.userSide && !g.rule.nets.Closed() {
			continue
		}
		at, ok := found[g.rule.nets]
		if !ok {
			at = len(fs)
			found[g.rule.nets] = at
			fs = append(fs, facet{what: "Network", conds: g.rule.nets.deny, nets: g.rule.nets})
		}
		fs[at].groups = append(fs[at].groups, i)
	}
	return fs
}

func (w *writer) mfaFacets() []facet {
	var fs []facet
	for i, g := range w.task.groups {
		if !g.rule.mfa || g.rule.nets.Closed() || w.mfaCoveredByEveryone(g.rule) {
			continue
		}
		age := int64(g.rule.mfaAge)
		at := slices.IndexFunc(fs, func(f facet) bool { return f.age == age })
		if at < 0 {
			at = len(fs)
			fs = append(fs, facet{what: "MFA", conds: g.rule.mfaDeny(), age: age})
		}
		fs[at].groups = append(fs[at].groups, i)
	}
	return fs
}

func (w *writer) nameFacets(what string, cs []iam.Condition) []facet {
	f := facet{what: what, conds: cs}
	for i, g := range w.task.groups {
		if wanted := what == "SessionName" && g.rule.session || what == "SourceIdentity" && g.rule.source; wanted && !g.rule.nets.Closed() {
			f.groups = append(f.groups, i)
		}
	}
	if len(f.groups) == 0 {
		return nil
	}
	return []facet{f}
}
