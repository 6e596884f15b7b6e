package judge

import (
	"regexp"
	"slices"
	"strings"
)

// Document is a policy in the form in which it is evaluated.
type Document struct {
	Variables  bool // version 2012-10-17: policy variables count
	Statements []Statement
}

type Statement struct {
	Number                  int // from one
	Sid                     string
	Deny                    bool
	Principals              []PrincipalElement
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
}

// PrincipalElement is one element of a Principal: kind "AWS", "Service", "Federated" or "*".
type PrincipalElement struct {
	Kind  string
	Value string
}

// Kind decides the grammar: a trust policy has principals and no resources, an
// identity policy the other way round (aws-facts §1.5).
type Kind int

const (
	TrustPolicy Kind = iota
	IdentityPolicy
)

const currentVersion = "2012-10-17"

var (
	sidChars    = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	actionChars = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)
)

// Parse reads a policy and checks it against the grammar.
func Parse(text string, kind Kind) (*Document, error) {
	root, err := ReadJSON(text)
	if err != nil {
		return nil, refused(NotJSON, err.Error())
	}
	doc, refusal := readDocument(root, kind)
	if refusal != nil {
		return nil, refusal
	}
	return doc, nil
}

func readDocument(root *Node, kind Kind) (*Document, *SyntaxError) {
	if root.Kind != '{' {
		return nil, refused(NotJSON, "")
	}
	doc := &Document{}
	for i, key := range root.Keys {
		switch v := root.Items[i]; key {
		case "Version":
			if v.Text != currentVersion && v.Text != "2008-10-17" {
				return nil, refused(Syntax, "Version")
			}
			doc.Variables = v.Text == currentVersion
		case "Id":
			if kind == IdentityPolicy {
				return nil, refused(Syntax, "Id")
			}
		case "Statement":
		default:
			return nil, refused(UnknownElement, key)
		}
	}
	body := root.Get("Statement")
	if body == nil {
		return nil, refused(Syntax, "Statement")
	}
	if kind == IdentityPolicy && !doc.Variables && root.Get("Version") == nil {
		return nil, refused(VersionRequired, "")
	}
	if refusal := doc.readStatements(body.List(), kind); refusal != nil {
		return nil, refusal
	}
	return doc, nil
}

func (d *Document) readStatements(items []*Node, kind Kind) *SyntaxError {
	if len(items) == 0 {
		return refused(Syntax, "Statement")
	}
	var sids []string
	for i, n := range items {
		st, refusal := readStatement(n, kind)
		if refusal != nil {
			refusal.Statement = i + 1
			return refusal
		}
		st.Number = i + 1
		if st.Sid != "" && slices.Contains(sids, st.Sid) {
			return &SyntaxError{Code: DuplicateSid, Statement: st.Number, Detail: st.Sid}
		}
		sids = append(sids, st.Sid)
		d.Statements = append(d.Statements, st)
	}
	return nil
}

func readStatement(n *Node, kind Kind) (Statement, *SyntaxError) {
	var st Statement
	if n.Kind != '{' {
		return st, refused(Syntax, "Statement")
	}
	for i, key := range n.Keys {
		if refusal := st.readField(key, n.Items[i], kind); refusal != nil {
			return st, refusal
		}
	}
	return st, st.check(n, kind)
}

func (st *Statement) readField(key string, v *Node, kind Kind) *SyntaxError {
	switch key {
	case "Sid":
		if v.Kind != '"' || !sidChars.MatchString(v.Text) {
			return refused(InvalidSid, v.Text)
		}
		st.Sid = v.Text
	case "Effect":
		if v.Text != "Allow" && v.Text != "Deny" {
			return refused(Syntax, "Effect")
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
			return refused(ProhibitedElement, key)
		}
		if key == "Resource" {
			return readTexts(v, &st.Resources)
		}
		return readTexts(v, &st.NotResources)
	case "Condition":
		return st.readConditions(v)
	case "NotPrincipal":
		return refused(ProhibitedElement, key)
	default:
		return refused(Syntax, key)
	}
	return nil
}

func readTexts(v *Node, into *[]string) *SyntaxError {
	for _, item := range v.List() {
		if item.Kind != '"' || item.Text == "" {
			return refused(Syntax, "")
		}
		*into = append(*into, item.Text)
	}
	if len(*into) == 0 {
		return refused(Syntax, "")
	}
	return nil
}

func (st *Statement) readPrincipals(v *Node, kind Kind) *SyntaxError {
	if kind == IdentityPolicy {
		return refused(ProhibitedPrincipal, "")
	}
	if v.Kind == '"' && v.Text == "*" {
		st.Principals = []PrincipalElement{{"*", "*"}}
		return nil
	}
	if v.Kind != '{' {
		return refused(InvalidPrincipal, "")
	}
	for i, family := range v.Keys {
		if !slices.Contains([]string{"AWS", "Service", "Federated"}, family) {
			return refused(InvalidPrincipalType, family)
		}
		var values []string
		if refusal := readTexts(v.Items[i], &values); refusal != nil {
			return refused(InvalidPrincipalType, family)
		}
		for _, value := range values {
			st.Principals = append(st.Principals, PrincipalElement{family, value})
		}
	}
	return nil
}

func (st *Statement) readConditions(v *Node) *SyntaxError {
	if v.Kind != '{' {
		return refused(Syntax, "Condition")
	}
	for i, name := range v.Keys {
		parsed, ok := parseOperator(name)
		if !ok || v.Items[i].Kind != '{' {
			return refused(InvalidOperator, name)
		}
		for j, key := range v.Items[i].Keys {
			c := parsed
			c.Key = strings.ToLower(key)
			for _, value := range v.Items[i].Items[j].List() {
				if value.Kind == '{' || value.Kind == '[' {
					return refused(Syntax, "Condition")
				}
				c.Values = append(c.Values, value.Text)
			}
			if refusal := c.check(); refusal != nil {
				return refusal
			}
			st.Conditions = append(st.Conditions, c)
		}
	}
	return nil
}

func (c Condition) check() *SyntaxError {
	if c.Operator == "null" && (len(c.Values) != 1 || c.Values[0] != "true" && c.Values[0] != "false") {
		return refused(Syntax, "Condition")
	}
	if c.Operator == "ipaddress" {
		for _, v := range c.Values {
			if _, ok := parseRange(v); !ok {
				return refused(InvalidAddress, v)
			}
		}
	}
	return nil
}

// check looks at what is missing, and at what a trust policy may ask for.
func (st *Statement) check(n *Node, kind Kind) *SyntaxError {
	for _, field := range requiredFields(kind) {
		if n.Get(field) == nil && n.Get("Not"+field) == nil {
			return refused(MissingElement, field)
		}
		if n.Get(field) != nil && n.Get("Not"+field) != nil {
			return refused(Syntax, field)
		}
	}
	for _, resource := range slices.Concat(st.Resources, st.NotResources) {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return refused(InvalidResource, resource)
		}
	}
	for _, action := range slices.Concat(st.Actions, st.NotActions) {
		if action != "*" && !actionChars.MatchString(action) {
			return refused(InvalidAction, action)
		}
		if kind == TrustPolicy && action != "*" && !strings.HasPrefix(strings.ToLower(action), "sts:") {
			return refused(ForeignAction, action)
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
