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
	sid                     string
	deny                    bool
	principals              []principal
	actions, notActions     []string
	resources, notResources []string
	conditions              []condition
}

// principal is one element of a Principal: kind "AWS", "Service", "Federated" or "*".
type principal struct {
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
	documentChars = regexp.MustCompile(`^[\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+$`)
	sidChars      = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	actionChars   = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)
)

const maxDocument = 131_072

// parseDocument reads a policy and refuses what IAM's grammar refuses.
func parseDocument(text string, kind documentKind) (*document, *node, *apiError) {
	if len(text) > maxDocument || !documentChars.MatchString(text) {
		return nil, nil, invalidInput("1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+ and have length less than or equal to %d", maxDocument)
	}
	root, err := parseJSON(text)
	if err != nil || root.kind != '{' {
		return nil, nil, malformed("This policy contains invalid Json")
	}
	doc, refusal := readDocument(root, kind)
	return doc, root, refusal
}

func readDocument(root *node, kind documentKind) (*document, *apiError) {
	doc := &document{}
	for i, key := range root.keys {
		switch v := root.items[i]; key {
		case "Version":
			if v.text != currentVersion && v.text != "2008-10-17" {
				return nil, syntaxErrors()
			}
			doc.variables = v.text == currentVersion
		case "Id":
			if kind == identityPolicy {
				return nil, syntaxErrors()
			}
		case "Statement":
		default:
			return nil, malformed("Unknown field %s", key)
		}
	}
	body := root.get("Statement")
	if body == nil {
		return nil, syntaxErrors()
	}
	if kind == identityPolicy && !doc.variables && root.get("Version") == nil {
		return nil, malformed("Policy document must be version 2012-10-17 or greater.")
	}
	return doc, doc.readStatements(body.list(), kind)
}

func (d *document) readStatements(items []*node, kind documentKind) *apiError {
	if len(items) == 0 {
		return syntaxErrors()
	}
	var sids []string
	for _, n := range items {
		st, refusal := readStatement(n, kind)
		if refusal != nil {
			return refusal
		}
		if st.sid != "" && slices.Contains(sids, st.sid) {
			return malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids = append(sids, st.sid)
		d.statements = append(d.statements, st)
	}
	return nil
}

func readStatement(n *node, kind documentKind) (statement, *apiError) {
	var st statement
	if n.kind != '{' {
		return st, syntaxErrors()
	}
	for i, key := range n.keys {
		if refusal := st.readField(key, n.items[i], kind); refusal != nil {
			return st, refusal
		}
	}
	return st, st.check(n, kind)
}

func (st *statement) readField(key string, v *node, kind documentKind) *apiError {
	switch key {
	case "Sid":
		if v.kind != '"' || !sidChars.MatchString(v.text) {
			return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
		st.sid = v.text
	case "Effect":
		if v.text != "Allow" && v.text != "Deny" {
			return syntaxErrors()
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
			return malformed("Has prohibited field %s", key)
		}
		if key == "Resource" {
			return readTexts(v, &st.resources)
		}
		return readTexts(v, &st.notResources)
	case "Condition":
		return st.readConditions(v)
	case "NotPrincipal":
		return malformed("Has prohibited field NotPrincipal")
	default:
		return syntaxErrors()
	}
	return nil
}

func readTexts(v *node, into *[]string) *apiError {
	for _, item := range v.list() {
		if item.kind != '"' || item.text == "" {
			return syntaxErrors()
		}
		*into = append(*into, item.text)
	}
	if len(*into) == 0 {
		return syntaxErrors()
	}
	return nil
}

func (st *statement) readPrincipals(v *node, kind documentKind) *apiError {
	if kind == identityPolicy {
		return malformed("Policy document should not specify a principal.")
	}
	if v.kind == '"' && v.text == "*" {
		st.principals = []principal{{"*", "*"}}
		return nil
	}
	if v.kind != '{' {
		return malformed("Invalid principal in policy")
	}
	for i, family := range v.keys {
		if !slices.Contains([]string{"AWS", "Service", "Federated"}, family) {
			return malformed("Invalid principal in policy: %q", family)
		}
		var values []string
		if refusal := readTexts(v.items[i], &values); refusal != nil {
			return malformed("Invalid principal in policy: %q", family)
		}
		for _, value := range values {
			st.principals = append(st.principals, principal{family, value})
		}
	}
	return nil
}

func (st *statement) readConditions(v *node) *apiError {
	if v.kind != '{' {
		return syntaxErrors()
	}
	for i, name := range v.keys {
		parsed, ok := parseOperator(name)
		if !ok || v.items[i].kind != '{' {
			return malformed("Invalid condition operator or format: %s", name)
		}
		for j, key := range v.items[i].keys {
			c := parsed
			c.key = strings.ToLower(key)
			for _, value := range v.items[i].items[j].list() {
				if value.kind == '{' || value.kind == '[' {
					return syntaxErrors()
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

func (c condition) check() *apiError {
	if c.operator == "null" && (len(c.values) != 1 || c.values[0] != "true" && c.values[0] != "false") {
		return syntaxErrors()
	}
	if c.operator == "ipaddress" {
		for _, v := range c.values {
			if _, ok := parseRange(v); !ok {
				return malformed("Invalid IP address or range in condition: %s", v)
			}
		}
	}
	return nil
}

// check looks at what is missing, and at what a trust policy may ask for.
func (st *statement) check(n *node, kind documentKind) *apiError {
	for _, field := range requiredFields(kind) {
		if n.get(field) == nil && n.get("Not"+field) == nil {
			return malformed("Missing required field %s", field)
		}
		if n.get(field) != nil && n.get("Not"+field) != nil {
			return syntaxErrors()
		}
	}
	for _, resource := range slices.Concat(st.resources, st.notResources) {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return malformed("Resource %s must be in ARN format or \"*\".", resource)
		}
	}
	for _, action := range slices.Concat(st.actions, st.notActions) {
		if action != "*" && !actionChars.MatchString(action) {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
		if kind == trustPolicy && action != "*" && !strings.HasPrefix(strings.ToLower(action), "sts:") {
			return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
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

// size counts characters as IAM does: all but white space (aws-facts §1.1).
func size(text string) int {
	n := 0
	for _, r := range text {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}
