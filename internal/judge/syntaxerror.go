package judge

import "strconv"

// Code says which rule of the grammar a document breaks.
type Code string

// The rules of the grammar. Syntax covers all that has no rule here.
const (
	NotJSON              Code = "not a JSON object with unique keys"
	Syntax               Code = "syntax error"
	UnknownElement       Code = "unknown element"
	ProhibitedElement    Code = "element not allowed in this kind of policy"
	MissingElement       Code = "missing element"
	VersionRequired      Code = "version 2012-10-17 required"
	InvalidSid           Code = "statement ID not alphanumeric"
	DuplicateSid         Code = "statement ID not unique"
	ProhibitedPrincipal  Code = "principal in an identity policy"
	InvalidPrincipal     Code = "principal neither \"*\" nor an object"
	InvalidPrincipalType Code = "invalid type or values of principals"
	InvalidAction        Code = "action without service prefix"
	ForeignAction        Code = "action of another service than sts in a trust policy"
	InvalidResource      Code = "resource neither an ARN nor \"*\""
	InvalidOperator      Code = "unknown condition operator"
	InvalidAddress       Code = "invalid IP address or range"
	InvalidNumber        Code = "number neither an integer nor a decimal"
)

// SyntaxError is the error for a document that breaks a rule of the grammar.
type SyntaxError struct {
	Code      Code
	Statement int    // position of the statement, from 1; 0 for the document as a whole
	Detail    string // the element or value that breaks the rule; may be empty
}

func syntaxError(c Code, detail string) *SyntaxError { return &SyntaxError{Code: c, Detail: detail} }

// Error returns for example: statement 2: missing element: "Action".
func (e *SyntaxError) Error() string {
	text := string(e.Code)
	if e.Statement > 0 {
		text = "statement " + strconv.Itoa(e.Statement) + ": " + text
	}
	if e.Detail != "" {
		text += ": " + strconv.Quote(e.Detail)
	}
	return text
}
