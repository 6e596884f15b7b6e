package judge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Statement is one statement of a policy. For each pair of elements, for example Actions
// and NotActions, at most one is set.
type Statement struct {
	Number     int    // position in the document, from 1
	Sid        string // empty if the statement has none
	Deny       bool
	Principals []PrincipalElement // empty in an identity policy

	Actions, NotActions     []string
	Resources, NotResources []string // empty in a trust policy
	Conditions              []Condition
}

// Name returns the Sid, or for example "#2" for the second statement if it has none.
func (st *Statement) Name() string {
	if st.Sid != "" {
		return st.Sid
	}
	return "#" + strconv.Itoa(st.Number)
}

// PrincipalElement is one value of a statement's Principal element. Type is "AWS",
// "Service" or "Federated". The principal "*" has the type "*".
type PrincipalElement struct {
	Type  string
	Value string
}

var (
	sidChars    = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	actionChars = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)
)

func readStatement(n *Node, kind Kind) (Statement, *SyntaxError) {
	var st Statement
	if n.Kind != '{' {
		return st, syntaxError(Syntax, "Statement")
	}
	for i, key := range n.Keys {
		if err := st.readField(key, n.Items[i], kind); err != nil {
			return st, err
		}
	}
	return st, st.check(n, kind)
}

func (st *Statement) readField(key string, v *Node, kind Kind) *SyntaxError {
	switch key {
	case "Sid":
		if v.Kind != '"' || !sidChars.MatchString(v.Text) {
			return syntaxError(InvalidSid, v.Text)
		}
		st.Sid = v.Text
	case "Effect":
		if v.Text != "Allow" && v.Text != "Deny" {
			return syntaxError(Syntax, "Effect")
		}
		st.Deny = v.Text == "Deny"
	case "Action":
		return readTexts(v, &st.Actions)
	case "NotAction":
		return readTexts(v, &st.NotActions)
	case "Principal":
		return st.readPrincipals(v, kind)
	case "Resource", "NotResource":
		if kind == TrustPolicy {
			return syntaxError(ProhibitedElement, key)
		}
		if key == "Resource" {
			return readTexts(v, &st.Resources)
		}
		return readTexts(v, &st.NotResources)
	case "Condition":
		return st.readConditions(v)
	case "NotPrincipal":
		return syntaxError(ProhibitedElement, key)
	default:
		return syntaxError(Syntax, key)
	}
	return nil
}

func readTexts(v *Node, into *[]string) *SyntaxError {
	for _, item := range v.List() {
		if item.Kind != '"' || item.Text == "" {
			return syntaxError(Syntax, "")
		}
		*into = append(*into, item.Text)
	}
	if len(*into) == 0 {
		return syntaxError(Syntax, "")
	}
	return nil
}

func (st *Statement) readPrincipals(v *Node, kind Kind) *SyntaxError {
	if kind == IdentityPolicy {
		return syntaxError(ProhibitedPrincipal, "")
	}
	if v.Kind == '"' && v.Text == "*" {
		st.Principals = []PrincipalElement{{"*", "*"}}
		return nil
	}
	if v.Kind != '{' {
		return syntaxError(InvalidPrincipal, "")
	}
	for i, family := range v.Keys {
		if !slices.Contains([]string{"AWS", "Service", "Federated"}, family) {
			return syntaxError(InvalidPrincipalType, family)
		}
		var values []string
		if err := readTexts(v.Items[i], &values); err != nil {
			return syntaxError(InvalidPrincipalType, family)
		}
		for _, value := range values {
			st.Principals = append(st.Principals, PrincipalElement{family, value})
		}
	}
	return nil
}

func (st *Statement) readConditions(v *Node) *SyntaxError {
	if v.Kind != '{' {
		return syntaxError(Syntax, "Condition")
	}
	for i, name := range v.Keys {
		parsed, ok := parseOperator(name)
		if !ok || v.Items[i].Kind != '{' {
			return syntaxError(InvalidOperator, name)
		}
		for j, key := range v.Items[i].Keys {
			c := parsed
			c.Key = lower(key)
			for _, value := range v.Items[i].Items[j].List() {
				if value.Kind == '{' || value.Kind == '[' {
					return syntaxError(Syntax, "Condition")
				}
				c.Values = append(c.Values, value.Text)
			}
			if err := c.check(); err != nil {
				return err
			}
			st.Conditions = append(st.Conditions, c)
		}
	}
	return nil
}

// check refuses values that the operator cannot have. A number in a spelling that AWS does not document
// is refused, because nothing says how AWS would compare it.
func (c Condition) check() *SyntaxError {
	if c.Operator == "null" && (len(c.Values) != 1 || c.Values[0] != "true" && c.Values[0] != "false") {
		return syntaxError(Syntax, "Condition")
	}
	if c.Operator == "ipaddress" {
		for _, v := range c.Values {
			if _, ok := parseNetwork(v); !ok {
				return syntaxError(InvalidAddress, v)
			}
		}
	}
	if strings.HasPrefix(c.Operator, "numeric") {
		for _, v := range c.Values {
			if !number.MatchString(v) && !strings.Contains(v, "${") {
				return syntaxError(InvalidNumber, v)
			}
		}
	}
	return nil
}

// check checks the required elements and the form of actions and resources.
func (st *Statement) check(n *Node, kind Kind) *SyntaxError {
	for _, field := range requiredFields(kind) {
		if n.Get(field) == nil && n.Get("Not"+field) == nil {
			return syntaxError(MissingElement, field)
		}
		if n.Get(field) != nil && n.Get("Not"+field) != nil {
			return syntaxError(Syntax, field)
		}
	}
	for _, resource := range slices.Concat(st.Resources, st.NotResources) {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return syntaxError(InvalidResource, resource)
		}
	}
	for _, action := range slices.Concat(st.Actions, st.NotActions) {
		if action != "*" && !actionChars.MatchString(action) {
			return syntaxError(InvalidAction, action)
		}
		if kind == TrustPolicy && action != "*" && !strings.HasPrefix(lower(action), "sts:") {
			return syntaxError(ForeignAction, action)
		}
	}
	return nil
}

func requiredFields(kind Kind) []string {
	if kind == TrustPolicy {
		return []string{"Effect", "Principal", "Action"}
	}
	return []string{"Effect", "Action", "Resource"}
}
