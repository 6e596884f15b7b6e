package iam

import (
	"fmt"
	"strings"
)

// say puts an outcome into words.
func (c *call) say(o outcome) Decision {
	d := Decision{Verdict: o.verdict, Document: o.document}
	if o.statement != nil {
		d.Statement = o.statement.name
	}
	d.Sentence = c.subject(o.verdict) + c.reason(o) + "."
	return d
}

func (c *call) subject(v Verdict) string {
	user := c.Principal
	if user.Account == c.RoleAccount {
		user.Account = ""
	}
	who := user.String() + ", coming " + c.from() + ","
	what := "role " + c.Role.String() + " in account " + string(c.RoleAccount)
	switch v {
	case Allowed:
		return who + " may assume " + what + ": "
	case Denied:
		return who + " may not assume " + what + ": "
	default:
		return "it cannot be told whether " + who + " may assume " + what + ": "
	}
}

func (c *call) from() string {
	switch {
	case c.SourceVPC != "" && c.SourceVPCE != "":
		return "through endpoint " + c.SourceVPCE + " in " + c.SourceVPC
	case c.SourceVPCE != "":
		return "through endpoint " + c.SourceVPCE
	case c.SourceVPC != "":
		return "from " + c.SourceVPC
	case c.SourceIP.IsValid():
		return "from " + c.SourceIP.String()
	default:
		return "with no source address"
	}
}

func (c *call) reason(o outcome) string {
	name := ""
	if o.statement != nil {
		name = "statement " + o.statement.name + " of the " + o.document
	}
	switch o.why {
	case allowedBy:
		return name + " allows it" + underConditions(o.statement) + " and no Deny applies"
	case deniedBy:
		if o.statement.name == SidDenyRevoked {
			return name + " denies it: the user was removed from this role, and the Deny stays while a statement" +
				" of others could admit the user"
		}
		return name + " denies it" + c.because(o.statement)
	case noTrust:
		return "no mapping reaches the role there, and no trust policy of it is known"
	case malformedDocument:
		return "the " + o.document + " is malformed; read it in AWS"
	case unsureDeny:
		return name + " may deny it, which hangs on " + c.open(o.statement)
	case unsureAllow:
		if o.statement == nil {
			return "no statement can be found that surely allows it"
		}
		return name + " may allow it, which hangs on " + c.open(o.statement)
	case nothingAllows:
		return c.nothing(o)
	case unreadPolicies:
		return c.nothing(o) + "; what the user's other policies and groups allow (" + Some(c.Others) + ") is not known here; read them in AWS"
	default:
		return ""
	}
}

// underConditions names the conditions of an Allow, which hold for the call. It leaves out those that hold for all
// calls, and the callers that a condition lists.
func underConditions(s *parsedStatement) string {
	var conditions []string
	for i := range s.tests {
		if t := &s.tests[i]; !sameForAll[t.name] && t.name != "aws:principalarn" && t.name != "aws:username" {
			conditions = append(conditions, t.operator+" "+t.key+" "+Some(t.values))
		}
	}
	if len(conditions) == 0 {
		return ""
	}
	return " on its condition " + strings.Join(conditions, " and ")
}

func (c *call) nothing(o outcome) string {
	what := "it"
	if o.action == foldedSourceIdentity {
		what = "setting a source identity (" + ActionSourceIdentity + ")"
	}
	if o.document == DocumentTrust {
		return "no statement of the trust policy allows " + what + " to this user"
	}
	return fmt.Sprintf("the role trusts the user's account, but no policy of the user allows %s on %s", what, c.roleARN)
}

// because says which conditions made a Deny strike.
func (c *call) because(s *parsedStatement) string {
	var parts []string
	for i := range s.tests {
		if p := c.explainTest(&s.tests[i]); p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		if len(s.tests) > 0 {
			return ""
		}
		return " from everywhere, because it has no condition"
	}
	return ", because " + strings.Join(parts, " and ")
}

func (c *call) explainTest(t *test) string {
	have, p := c.key(t.name)
	switch t.name {
	case "aws:sourceip":
		if p == absent {
			return "the call carries no public source address"
		}
		if t.negated {
			return have + " is in none of its networks"
		}
		return have + " is in one of its networks"
	case "aws:sourcevpc", "aws:sourcevpce":
		return ifThere(p, have+" is not one of those named", "")
	case "aws:multifactorauthpresent":
		return "no MFA was shown"
	case "aws:multifactorauthage":
		return ifThere(p, fmt.Sprintf("MFA was shown %s seconds ago and counts for %s only", have, strings.Join(t.values, ", ")), "no MFA was shown")
	case "sts:rolesessionname":
		return ifThere(p, fmt.Sprintf("the session name %q is not the user's name", have), "no session name was given; it has to be the user's name")
	case "sts:sourceidentity":
		return ifThere(p, fmt.Sprintf("the source identity %q is not the user's name", have), "no source identity was set; it has to be the user's name")
	case "aws:principalarn":
		if t.negated {
			return c.userARN + " is not among those it spares"
		}
		return ""
	case "aws:principalisawsservice", "aws:viaawsservice", "aws:username":
		return ""
	default:
		return t.operator + " " + t.key + " holds"
	}
}

func ifThere(p presence, there, missing string) string {
	if p == absent {
		return missing
	}
	return there
}

// open names what a statement hangs on.
func (c *call) open(s *parsedStatement) string {
	var keys []string
	for i := range s.tests {
		if s.tests[i].holds(c) == unsure {
			keys = append(keys, s.tests[i].operator+" "+s.tests[i].key)
		}
	}
	if len(s.who.ids) > 0 && c.PrincipalID == "" {
		keys = append(keys, "the unique id "+strings.Join(s.who.ids, ", "))
	}
	if len(keys) == 0 {
		return "something in it that Portcullis does not know"
	}
	return strings.Join(keys, " and ")
}
