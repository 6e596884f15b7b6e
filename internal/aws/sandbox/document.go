package sandbox

import (
	"regexp"
	"slices"
	"strings"
)

// document is a policy in the form in which it is evaluated.
type document struct {
	variables  bool // version 2012-10-17: policy variables count
	statements []statement
}

type statement struct {
	number                  int // from one
	sid                     string
	deny                    bool
	principals              []principalElement
	actions, notActions     []string
	resources, notResources []string
	conditions              []condition
}

// principalElement is one element of a Principal: kind "AWS", "Service", "Federated" or "*".
type principalElement struct {
	kind  string
	value string
}

// documentKind decides the grammar: a trust policy has principals and no resources, an
// identity policy the other way round (aws-facts §1.5).
type documentKind int

const (
	trustPolicy documentKind = iota
	identityPolicy
)

const currentVersion = "2012-10-17"

var (
	sidChars    = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	actionChars = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)
)

// parse reads a policy and checks it against the grammar.
func parse(text string, kind documentKind) (*document, error) {
	root, err := parseJSON(text)
	if err != nil {
		return nil, refused(notJSON, err.Error())
	}
	doc, refusal := readDocument(root, kind)
	if refusal != nil {
		return nil, refusal
	}
	return doc, nil
}

func readDocument(root *node, kind documentKind) (*document, *syntaxError) {
	if root.kind != '{' {
		return nil, refused(notJSON, "")
	}
	doc := &document{}
	for i, key := range root.keys {
		switch v := root.items[i]; key {
		case "Version":
			if v.text != currentVersion && v.text != "2008-10-17" {
				return nil, refused(syntax, "Version")
			}
			doc.variables = v.text == currentVersion
		case "Id":
			if kind == identityPolicy {
				return nil, refused(syntax, "Id")
			}
		case "Statement":
		default:
			return nil, refused(unknownElement, key)
		}
	}
	body := root.get("Statement")
	if body == nil {
		return nil, refused(syntax, "Statement")
	}
	if kind == identityPolicy && !doc.variables && root.get("Version") == nil {
		return nil, refused(versionRequired, "")
	}
	if refusal := doc.readStatements(body.list(), kind); refusal != nil {
		return nil, refusal
	}
	return doc, nil
}

func (d *document) readStatements(items []*node, kind documentKind) *syntaxError {
	if len(items) == 0 {
		return refused(syntax, "Statement")
	}
	var sids []string
	for i, n := range items {
		st, refusal := readStatement(n, kind)
		if refusal != nil {
			refusal.statement = i + 1
			return refusal
		}
		st.number = i + 1
		if st.sid != "" && slices.Contains(sids, st.sid) {
			return &syntaxError{code: duplicateSid, statement: st.number, detail: st.sid}
		}
		sids = append(sids, st.sid)
		d.statements = append(d.statements, st)
	}
	return nil
}

func readStatement(n *node, kind documentKind) (statement, *syntaxError) {
	var st statement
	if n.kind != '{' {
		return st, refused(syntax, "Statement")
	}
	for i, key := range n.keys {
		if refusal := st.readField(key, n.items[i], kind); refusal != nil {
			return st, refusal
		}
	}
	return st, st.check(n, kind)
}

func (st *statement) readField(key string, v *node, kind documentKind) *syntaxError {
	switch key {
	case "Sid":
		if v.kind != '"' || !sidChars.MatchString(v.text) {
			return refused(invalidSid, v.text)
		}
		st.sid = v.text
	case "Effect":
		if v.text != "Allow" && v.text != "Deny" {
			return refused(syntax, "Effect")
		}
		st.deny = v.text == "Deny"
	case "Action":
		return readTexts(v, &st.actions)
	case "NotAction":
		return readTexts(v, &st.notActions)
	case "Principal":
		return st.readPrincipals(v, kind)
	case "Resource", "NotResource":
		if kind == trustPolicy {
			return refused(prohibitedElement, key)
		}
		if key == "Resource" {
			return readTexts(v, &st.resources)
		}
		return readTexts(v, &st.notResources)
	case "Condition":
		return st.readConditions(v)
	case "NotPrincipal":
		return refused(prohibitedElement, key)
	default:
		return refused(syntax, key)
	}
	return nil
}

func readTexts(v *node, into *[]string) *syntaxError {
	for _, item := range v.list() {
		if item.kind != '"' || item.text == "" {
			return refused(syntax, "")
		}
		*into = append(*into, item.text)
	}
	if len(*into) == 0 {
		return refused(syntax, "")
	}
	return nil
}

func (st *statement) readPrincipals(v *node, kind documentKind) *syntaxError {
	if kind == identityPolicy {
		return refused(prohibitedPrincipal, "")
	}
	if v.kind == '"' && v.text == "*" {
		st.principals = []principalElement{{"*", "*"}}
		return nil
	}
	if v.kind != '{' {
		return refused(invalidPrincipal, "")
	}
	for i, family := range v.keys {
		if !slices.Contains([]string{"AWS", "Service", "Federated"}, family) {
			return refused(invalidPrincipalType, family)
		}
		var values []string
		if refusal := readTexts(v.items[i], &values); refusal != nil {
			return refused(invalidPrincipalType, family)
		}
		for _, value := range values {
			st.principals = append(st.principals, principalElement{family, value})
		}
	}
	return nil
}

func (st *statement) readConditions(v *node) *syntaxError {
	if v.kind != '{' {
		return refused(syntax, "Condition")
	}
	for i, name := range v.keys {
		parsed, ok := parseOperator(name)
		if !ok || v.items[i].kind != '{' {
			return refused(invalidOperator, name)
		}
		for j, key := range v.items[i].keys {
			c := parsed
			c.key = strings.ToLower(key)
			for _, value := range v.items[i].items[j].list() {
				if value.kind == '{' || value.kind == '[' {
					return refused(syntax, "Condition")
				}
				c.values = append(c.values, value.text)
			}
			if refusal := c.check(); refusal != nil {
				return refusal
			}
			st.conditions = append(st.conditions, c)
		}
	}
	return nil
}

func (c condition) check() *syntaxError {
	if c.operator == "null" && (len(c.values) != 1 || c.values[0] != "true" && c.values[0] != "false") {
		return refused(syntax, "Condition")
	}
	if c.operator == "ipaddress" {
		for _, v := range c.values {
			if _, ok := parseRange(v); !ok {
				return refused(invalidAddress, v)
			}
		}
	}
	return nil
}

// check looks at what is missing, and at what a trust policy may ask for.
func (st *statement) check(n *node, kind documentKind) *syntaxError {
	for _, field := range requiredFields(kind) {
		if n.get(field) == nil && n.get("Not"+field) == nil {
			return refused(missingElement, field)
		}
		if n.get(field) != nil && n.get("Not"+field) != nil {
			return refused(syntax, field)
		}
	}
	for _, resource := range slices.Concat(st.resources, st.notResources) {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return refused(invalidResource, resource)
		}
	}
	for _, action := range slices.Concat(st.actions, st.notActions) {
		if action != "*" && !actionChars.MatchString(action) {
			return refused(invalidAction, action)
		}
		if kind == trustPolicy && action != "*" && !strings.HasPrefix(strings.ToLower(action), "sts:") {
			return refused(foreignAction, action)
		}
	}
	return nil
}

func requiredFields(kind documentKind) []string {
	if kind == trustPolicy {
		return []string{"Effect", "Principal", "Action"}
	}
	return []string{"Effect", "Action", "Resource"}
}
