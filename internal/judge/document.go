package judge

import "slices"

// Document is a parsed policy.
type Document struct {
	Kind       Kind
	Variables  bool // the version is 2012-10-17, so that ${…} is a policy variable
	Statements []Statement
}

// Kind is the kind of a policy. It decides the grammar: a trust policy has principals and
// no resources, an identity policy has resources and no principals. Session policies are
// identity policies.
type Kind int

// The kinds of policies.
const (
	TrustPolicy Kind = iota
	IdentityPolicy
)

const (
	currentVersion = "2012-10-17"
	olderVersion   = "2008-10-17"
)

// Parse parses a policy document and checks it against IAM's grammar. The text is JSON
// without percent-encoding. Parse does not check sizes, the set of characters, or whether
// principals exist. Each error is a *SyntaxError, about the first rule that is broken.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".
func Parse(text string, kind Kind) (*Document, error) {
	root, err := ReadJSON(text)
	if err != nil {
		return nil, err
	}
	doc, broken := readDocument(root, kind)
	if broken != nil {
		return nil, broken
	}
	return doc, nil
}

func readDocument(root *Node, kind Kind) (*Document, *SyntaxError) {
	if root.Kind != '{' {
		return nil, syntaxError(NotJSON, "")
	}
	doc := &Document{Kind: kind}
	for i, key := range root.Keys {
		switch v := root.Items[i]; key {
		case "Version":
			if v.Text != currentVersion && v.Text != olderVersion {
				return nil, syntaxError(Syntax, "Version")
			}
			doc.Variables = v.Text == currentVersion
		case "Id":
			if kind == IdentityPolicy {
				return nil, syntaxError(Syntax, "Id")
			}
		case "Statement":
		default:
			return nil, syntaxError(UnknownElement, key)
		}
	}
	body := root.Get("Statement")
	if body == nil {
		return nil, syntaxError(Syntax, "Statement")
	}
	if kind == IdentityPolicy && !doc.Variables && root.Get("Version") == nil {
		return nil, syntaxError(VersionRequired, "")
	}
	if err := doc.readStatements(body.List(), kind); err != nil {
		return nil, err
	}
	return doc, nil
}

func (d *Document) readStatements(items []*Node, kind Kind) *SyntaxError {
	if len(items) == 0 {
		return syntaxError(Syntax, "Statement")
	}
	var sids []string
	for i, n := range items {
		st, err := readStatement(n, kind)
		if err != nil {
			err.Statement = i + 1
			return err
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
