package sandbox

import "strconv"

// code says which rule of the grammar a document breaks.
type code string

// The rules, in the order of the elements that they are about.
const (
	notJSON              code = "not a JSON object with unique keys"
	syntax               code = "syntax error"
	unknownElement       code = "unknown element"
	prohibitedElement    code = "element not allowed in this kind of policy"
	missingElement       code = "missing element"
	versionRequired      code = "version 2012-10-17 required"
	invalidSid           code = "statement ID not alphanumeric"
	duplicateSid         code = "statement ID not unique"
	prohibitedPrincipal  code = "principal in an identity policy"
	invalidPrincipal     code = "principal neither \"*\" nor an object"
	invalidPrincipalType code = "invalid type or values of principals"
	invalidAction        code = "action without service prefix"
	foreignAction        code = "action of another service than sts in a trust policy"
	invalidResource      code = "resource neither an ARN nor \"*\""
	invalidOperator      code = "unknown condition operator"
	invalidAddress       code = "invalid IP address or range"
)

// syntaxError is returned for a document that breaks a rule of the grammar.
type syntaxError struct {
	code      code
	statement int    // from one; 0 for the document as a whole
	detail    string // the element or value; may be empty
}

func refused(c code, detail string) *syntaxError { return &syntaxError{code: c, detail: detail} }

func (e *syntaxError) Error() string {
	text := string(e.code)
	if e.statement > 0 {
		text = "statement " + strconv.Itoa(e.statement) + ": " + text
	}
	if e.detail != "" {
		text += ": " + strconv.Quote(e.detail)
	}
	return text
}
