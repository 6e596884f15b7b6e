package policy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// Grants is what our statements of a trust policy say, in the words of the desired state.
type Grants struct {
	Users    map[string]Grant // by ARN, whom they let in
	Everyone *Grant           // what callers who are not mapped are held to; nil for nothing
}

// Grant is from where, and how, the role may be assumed. Without any network it may not.
type Grant struct {
	Prefixes       []netip.Prefix // their smallest cover
	VPCs, VPCEs    []string
	MFA            bool
	MFAMaxAge      time.Duration // 0 for any age
	SessionName    bool          // has to be the user's name
	SourceIdentity bool          // the same
}

// Closed reports whether the role may be assumed from no network.
func (g Grant) Closed() bool { return len(g.Prefixes)+len(g.VPCs)+len(g.VPCEs) == 0 }

// Equal reports whether two grants mean the same.
func (g Grant) Equal(o Grant) bool {
	return g.SameNetworks(o) && (g.Closed() || g.SameConditions(o))
}

// SameNetworks reports whether both are for the same networks.
func (g Grant) SameNetworks(o Grant) bool {
	return slices.Equal(g.Prefixes, o.Prefixes) && slices.Equal(g.VPCs, o.VPCs) && slices.Equal(g.VPCEs, o.VPCEs)
}

// SameConditions reports whether both hold to the same, networks aside.
func (g Grant) SameConditions(o Grant) bool {
	return g.MFA == o.MFA && g.MFAMaxAge == o.MFAMaxAge && g.SessionName == o.SessionName && g.SourceIdentity == o.SourceIdentity
}

// Equal reports whether both mean the same.
func (g Grants) Equal(o Grants) bool {
	sameEveryone := g.Everyone == nil && o.Everyone == nil || g.Everyone != nil && o.Everyone != nil && g.Everyone.Equal(*o.Everyone)
	return sameEveryone && maps.EqualFunc(g.Users, o.Users, Grant.Equal)
}

// ReadGrants reads our statements, a JSON list as Ours returns it. It refuses what no
// desired state says, and names the statement: an Allow that no Deny holds to networks, a
// Deny for somebody whom nothing lets in, conditions and principals of other kinds.
//
// The Deny for users who were removed from the role (package order) is no part of a desired state, so ReadGrants passes over
// it. It refuses the Deny where another statement admits one of these users.
func ReadGrants(statements string) (Grants, error) {
	kept, err := order.KeptOut(statements)
	if err != nil {
		return Grants{}, err
	}
	if len(kept.Admitted) > 0 {
		return Grants{}, access.Errorf(access.KindConflict, "the statement %s denies every call of %s, whom another statement admits",
			order.SidDenyRevoked, order.Names(kept.Admitted))
	}
	ss, err := iam.ParseStatements(kept.Rest)
	if err != nil {
		return Grants{}, err
	}
	r := grantReader{users: map[string]*userGrant{}}
	for _, s := range ss {
		if err := r.read(s); err != nil {
			return Grants{}, access.Wrap(access.KindConflict, err, "the statement %s %s", s.Sid, err)
		}
	}
	return r.grants()
}

// userGrant is what the statements say of one user, each thing once.
type userGrant struct {
	allowed   bool
	maySource bool // the Allow lets them set a source identity
	nets      *Networks
	mfa       bool
	mfaAge    time.Duration
	session   bool
	identity  bool
}

type grantReader struct {
	users    map[string]*userGrant
	everyone *userGrant
}

func (r *grantReader) read(s iam.Statement) error {
	whom, err := r.whom(s)
	if err != nil {
		return err
	}
	source := slices.ContainsFunc(s.Actions, func(a string) bool { return strings.EqualFold(a, iam.ActionSourceIdentity) })
	assume := slices.ContainsFunc(s.Actions, func(a string) bool { return strings.EqualFold(a, iam.ActionAssume) })
	switch n := len(s.Actions); {
	case !assume || source && n != 2 || !source && n != 1 || source && s.Effect == iam.EffectDeny:
		return fmt.Errorf("is about the actions %s", strings.Join(s.Actions, ", "))
	case len(s.Resources) > 0:
		return fmt.Errorf("names a Resource")
	case s.Effect == iam.EffectDeny:
		return r.deny(whom, s)
	case len(s.Conditions) > 0:
		return fmt.Errorf("allows under a condition on %s; a mapping holds people to something by a Deny", s.Conditions[0].Key)
	}
	for _, u := range whom {
		u.allowed, u.maySource = true, u.maySource || source
	}
	return nil
}

// whom returns what is known so far of those whom a statement is about.
func (r *grantReader) whom(s iam.Statement) ([]*userGrant, error) {
	if slices.Equal(s.Principals, []string{"*"}) && s.Effect == iam.EffectDeny {
		if r.everyone == nil {
			r.everyone = &userGrant{}
		}
		return []*userGrant{r.everyone}, nil
	}
	var whom []*userGrant
	for _, arn := range s.Principals {
		switch {
		case iam.IsUniqueID(arn):
			return nil, fmt.Errorf("names %s, whose user was deleted", arn)
		case !strings.Contains(arn, ":user/"):
			return nil, fmt.Errorf("names %s, which is no user", arn)
		}
		u := r.users[arn]
		if u == nil {
			u = &userGrant{}
			r.users[arn] = u
		}
		whom = append(whom, u)
	}
	return whom, nil
}

// deny reads the conditions that a Deny holds people to. There is one Deny of each kind
// for a user.
func (r *grantReader) deny(whom []*userGrant, s iam.Statement) error {
	cs := s.Conditions
	if slices.Contains(whom, r.everyone) && r.everyone != nil {
		spared := sameConditions([]iam.Condition{noService})
		n := len(cs)
		if cs = slices.DeleteFunc(slices.Clone(cs), func(c iam.Condition) bool { return spared([]iam.Condition{c}) }); len(cs) != n-1 {
			return fmt.Errorf("denies everyone, AWS services included")
		}
	}
	var set func(*userGrant) (again bool)
	age, aged := mfaAge(cs)
	nets := networksOfDeny(cs)
	switch {
	case nets != nil:
		set = func(u *userGrant) bool { again := u.nets != nil; u.nets = nets; return again }
	case aged || sameConditions(withoutMFA)(cs):
		set = func(u *userGrant) bool { again := u.mfa; u.mfa, u.mfaAge = true, age; return again }
	case sameConditions(otherSession)(cs):
		set = func(u *userGrant) bool { again := u.session; u.session = true; return again }
	case sameConditions(otherIdentity)(cs):
		set = func(u *userGrant) bool { again := u.identity; u.identity = true; return again }
	default:
		return fmt.Errorf("denies under a condition that no mapping has: %s on %s", cs[0].Operator, cs[0].Key)
	}
	for _, u := range whom {
		if set(u) {
			return fmt.Errorf("holds somebody a second time to what another statement holds them to already")
		}
	}
	return nil
}

// networksOfDeny reads from where a Deny spares people; nil where it is about something
// else. One without conditions spares nobody.
func networksOfDeny(cs []iam.Condition) *Networks {
	n := &Networks{}
	for _, c := range cs {
		switch strings.ToLower(c.Key) {
		case "aws:sourceip":
			prefixes, ok := networksIn(c.Values)
			if !ok {
				return nil
			}
			n.Prefixes = prefixes
		case "aws:sourcevpc":
			n.VPCs = sortedSet(c.Values)
		case "aws:sourcevpce":
			n.VPCEs = sortedSet(c.Values)
		default:
			return nil
		}
	}
	kinds := func(cs []iam.Condition) []string {
		var all []string
		for _, c := range cs {
			all = append(all, strings.ToLower(c.Operator+" "+c.Key))
		}
		slices.Sort(all)
		return all
	}
	if !slices.Equal(kinds(n.denyConditions()), kinds(cs)) {
		return nil
	}
	return n
}

// mfaAge reads the condition that strikes an MFA that is too old.
func mfaAge(cs []iam.Condition) (time.Duration, bool) {
	if len(cs) != 1 || len(cs[0].Values) != 1 {
		return 0, false
	}
	seconds, err := strconv.ParseInt(cs[0].Values[0], 10, 32)
	age := time.Duration(seconds) * time.Second
	return age, err == nil && seconds > 0 && sameConditions(rule{mfa: true, mfaAge: age}.mfaDeny())(cs)
}

// sameConditions compares with conditions of ours, each of one value.
func sameConditions(ours []iam.Condition) func([]iam.Condition) bool {
	return func(cs []iam.Condition) bool {
		return slices.EqualFunc(ours, cs, func(a, b iam.Condition) bool {
			return strings.EqualFold(a.Operator, b.Operator) && strings.EqualFold(a.Key, b.Key) && slices.Equal(a.Values, b.Values)
		})
	}
}

// grants puts together what was read. A Deny for everyone holds the users too, who then
// need none of their own.
func (r *grantReader) grants() (Grants, error) {
	out := Grants{Users: map[string]Grant{}}
	everyone := cmp.Or(r.everyone, &userGrant{})
	if r.everyone != nil {
		if everyone.nets == nil {
			return out, access.Errorf(access.KindConflict, "everyone is held to something, but to no network")
		}
		g := everyone.grant()
		out.Everyone = &g
	}
	for _, arn := range slices.Sorted(maps.Keys(r.users)) {
		u := r.users[arn]
		own := u.nets != nil
		if u.nets == nil {
			u.nets = everyone.nets
		}
		u.mfa, u.mfaAge = u.mfa || everyone.mfa, cmp.Or(u.mfaAge, everyone.mfaAge)
		switch name := access.NameInARN(arn); {
		case u.nets != nil && u.nets.Closed():
		case !u.allowed:
			return out, access.Errorf(access.KindConflict, "%s is in a Deny, and no statement lets them in", name)
		case u.nets == nil:
			return out, access.Errorf(access.KindConflict, "%s is let in from anywhere, since no Deny holds them to a network", name)
		case own && everyone.nets != nil && !everyone.nets.contains(u.nets):
			return out, access.Errorf(access.KindConflict, "%s is let in from networks that the Deny for everyone refuses", name)
		case u.identity != u.maySource:
			return out, access.Errorf(access.KindConflict, "%s is held to a source identity that they may not set, or may set any", name)
		}
		out.Users[arn] = u.grant()
	}
	return out, nil
}

func (u *userGrant) grant() Grant {
	if u.nets.Closed() {
		return Grant{}
	}
	return Grant{Prefixes: u.nets.Prefixes, VPCs: u.nets.VPCs, VPCEs: u.nets.VPCEs, MFA: u.mfa, MFAMaxAge: u.mfaAge, SessionName: u.session, SourceIdentity: u.identity}
}

// contains reports whether all networks of another are among these.
func (n *Networks) contains(o *Networks) bool {
	within := func(all, some []string) bool {
		return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
	}
	return len(cidr.Subtract(o.Prefixes, n.Prefixes)) == 0 && within(n.VPCs, o.VPCs) && within(n.VPCEs, o.VPCEs)
}
