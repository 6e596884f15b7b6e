package iam

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// WidenedTrust lists the principals who can assume a role in more ways with the trust policy to than with the trust
// policy from: from another network, without MFA, or at all. It takes for granted that each principal has an Allow of
// its own. It evaluates one call for each combination that a condition of the two documents can tell apart. When in
// doubt it lists the principal.
func WidenedTrust(at TrustContext, from, to string) []string {
	if from == to {
		return nil
	}
	was, is := parsedDocuments.parse(from), parsedDocuments.parse(to)
	if was.malformed || is.malformed {
		return []string{"*"}
	}
	d := newDrawnCalls(was, is)
	var wider []string
	for _, who := range trustCallers(at, was, is) {
		rank := func(c *call, p *Policy) tri { return rankOf(c.decide(foldedAssume, p, everything).verdict) }
		if d.widens(who.call(at), was, is, rank) {
			wider = append(wider, who.arn)
		}
	}
	return wider
}

var everything = []*Policy{allowsEverything}

func rankOf(v Verdict) tri {
	switch v {
	case Allowed:
		return yes
	case Denied:
		return no
	default:
		return unsure
	}
}

// WidenedUser lists the roles, ARNs or patterns, that a user's policy lets the user assume in more ways than another
// one.
func WidenedUser(user access.UserName, partition, from, to string) []string {
	return widenedUser(user, partition, from, to, permits)
}

// LiftedDenies lists the roles, ARNs or patterns, that the policy from denies a user in more ways than the policy to.
// It matters to a user whom another policy allows the role.
func LiftedDenies(user access.UserName, partition, from, to string) []string {
	return widenedUser(user, partition, from, to, func(c *call, p *Policy) tri {
		return not(c.denies(p))
	})
}

func widenedUser(
	user access.UserName, partition, from, to string, rank func(*call, *Policy) tri,
) []string {
	if from == to {
		return nil
	}
	was, is := parsedDocuments.parse(from), parsedDocuments.parse(to)
	if was.malformed || is.malformed {
		return []string{"*"}
	}
	d := newDrawnCalls(was, is)
	var wider []string
	for _, resource := range resourcesOf(was, is) {
		arn := anyRoleOf(resource)
		account, role, _ := access.ParseRoleARN(arn)
		c := newCall(Request{Principal: user, Role: role, RoleAccount: account, Partition: partition})
		c.roleARN = arn
		if d.widens(c, was, is, rank) {
			wider = append(wider, resource)
		}
	}
	return wider
}

// permits says whether a policy of the user alone permits a call.
func permits(c *call, p *Policy) tri {
	own, _ := c.permits(foldedAssume, []*Policy{p})
	return and(own, not(c.denies(p)))
}

func (c *call) denies(p *Policy) tri {
	result := no
	for i := range p.statements {
		if s := &p.statements[i]; s.deny {
			result = or(result, c.applies(s, foldedAssume, DocumentUser))
		}
	}
	return result
}

func resourcesOf(policies ...*Policy) []string {
	var all []string
	for _, p := range policies {
		for i := range p.statements {
			all = append(all, p.statements[i].resources.values...)
		}
	}
	return sortedSet(all)
}

// anyRoleOf returns the ARN of one role that a resource covers.
func anyRoleOf(resource string) string {
	if arn, literal := LiteralRole(resource); literal {
		return arn
	}
	if resource == "*" {
		return "arn:aws:iam::000000000000:role/" + someUser
	}
	prefix, rest, found := strings.Cut(resource, ":iam::*:")
	if found {
		resource = prefix + ":iam::000000000000:" + rest
	}
	return strings.NewReplacer("*", someUser, "?", "p").Replace(resource)
}

// trustCallers returns callers who stand for all whom one of two trust policies may be about. AWS shows a unique id
// only of a deleted user or role, who makes no call any more.
func trustCallers(at TrustContext, policies ...*Policy) []caller {
	var arns []string
	accounts := []string{string(at.Account)}
	var names []string
	for _, p := range policies {
		for i := range p.statements {
			s := &p.statements[i]
			arns, accounts = append(arns, s.who.arns...), append(accounts, s.who.accounts...)
			for k := range s.tests {
				switch t := &s.tests[k]; t.name {
				case keyUserName:
					names = append(names, t.values...)
				case "aws:principalarn":
					arns = append(arns, t.values...)
				}
			}
			if s.who.anyone || s.who.unsure {
				accounts = append(accounts, "000000000000")
			}
		}
	}
	partition := at.Partition
	for _, id := range sortedSet(accounts) {
		for _, name := range append([]string{someUser}, names...) {
			arns = append(arns, access.UserName{Account: access.AccountID(id), Path: "/", Name: name}.ARN(partition))
		}
	}
	var callers []caller
	for _, arn := range sortedSet(arns) {
		callers = append(callers, caller{text: arn, arn: arn})
	}
	return callers
}

// drawnCalls are calls for every combination of values that the conditions of some policies can tell apart. The user's
// own name as session name or source identity is ownName.
type drawnCalls []Request

const (
	ownName    = "\x00"
	otherValue = "portcullis-other"
)

func newDrawnCalls(policies ...*Policy) drawnCalls {
	var tests []*test
	for _, p := range policies {
		for i := range p.statements {
			for k := range p.statements[i].tests {
				tests = append(tests, &p.statements[i].tests[k])
			}
		}
	}
	calls := drawnCalls(placesOf(tests))
	calls = calls.times(mfaOf(tests), func(r *Request, m Request) { r.MFA, r.MFAAge = m.MFA, m.MFAAge })
	names := func(key string) []string { return valuesOf(tests, key, ownName) }
	calls = timesText(calls, names("sts:rolesessionname"), func(r *Request, v string) { r.SessionName = v })
	calls = timesText(calls, names("sts:sourceidentity"), func(r *Request, v string) { r.SourceIdentity = v })
	return timesText(calls, valuesOf(tests, "sts:externalid"), func(r *Request, v string) { r.ExternalID = v })
}

// times combines each call with each of some others.
func (d drawnCalls) times(others []Request, set func(*Request, Request)) drawnCalls {
	out := make(drawnCalls, 0, len(d)*len(others))
	for _, r := range d {
		for _, o := range others {
			set(&r, o)
			out = append(out, r)
		}
	}
	return out
}

func timesText(d drawnCalls, values []string, set func(*Request, string)) drawnCalls {
	out := make(drawnCalls, 0, len(d)*len(values))
	for _, r := range d {
		for _, v := range values {
			set(&r, v)
			out = append(out, r)
		}
	}
	return out
}

// valuesOf lists the values of a key that the tests can tell apart: absent, each value, another one, and more.
func valuesOf(tests []*test, key string, more ...string) []string {
	values := []string{""}
	for _, t := range tests {
		if t.name == key {
			values = append(append(append(values, otherValue), t.values...), more...)
		}
	}
	return sortedSet(values)
}

// widens reports whether one of the calls of a caller has a higher rank with the policy is than with the policy was.
func (d drawnCalls) widens(base *call, was, is *Policy, rank func(*call, *Policy) tri) bool {
	if base.PrincipalID == "" {
		base.PrincipalID = "AIDAPORTCULLISNOUSER" // the unique ids of a document are those of other users
	}
	name := base.Principal.Name
	return slices.ContainsFunc(d, func(r Request) bool {
		c := *base
		c.SourceIP, c.SourceVPC, c.SourceVPCE = r.SourceIP, r.SourceVPC, r.SourceVPCE
		c.via = r.SourceVPC != "" || r.SourceVPCE != ""
		c.MFA, c.MFAAge, c.ExternalID = r.MFA, r.MFAAge, r.ExternalID
		c.SessionName = strings.ReplaceAll(r.SessionName, ownName, name)
		c.SourceIdentity = strings.ReplaceAll(r.SourceIdentity, ownName, name)
		return rank(&c, is) > rank(&c, was)
	})
}
