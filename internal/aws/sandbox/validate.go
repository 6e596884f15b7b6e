package sandbox

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"portcullis.internal/portcullis/internal/judge"
)

const maxDocument = 131_072

var documentChars = regexp.MustCompile(`^[\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+$`)

// parseDocument parses a policy of a request. It returns AWS's errors: ValidationError
// for the text, MalformedPolicyDocument for the grammar.
func parseDocument(text string, kind judge.Kind) (*judge.Document, *apiError) {
	if len(text) > maxDocument || !documentChars.MatchString(text) {
		return nil, invalidInput("1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+ and have length less than or equal to %d", maxDocument)
	}
	doc, err := judge.Parse(text, kind)
	if err != nil {
		return nil, malformedPolicy("%s", awsMessage(err))
	}
	root, err := judge.ReadJSON(text)
	if err != nil {
		return nil, malformedPolicy("%s", awsMessage(err))
	}
	if refusal := checkConditions(root); refusal != nil {
		return nil, refusal
	}
	return doc, nil
}

// awsMessages are the messages of MalformedPolicyDocument. %s and %q are replaced by the detail of
// the error.
var awsMessages = map[judge.Code]string{
	judge.NotJSON:              "This policy contains invalid Json",
	judge.UnknownElement:       "Unknown field %s",
	judge.ProhibitedElement:    "Has prohibited field %s",
	judge.MissingElement:       "Missing required field %s",
	judge.VersionRequired:      "Policy document must be version 2012-10-17 or greater.",
	judge.InvalidSid:           "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
	judge.DuplicateSid:         "Statement IDs (SID) in a single policy must be unique.",
	judge.ProhibitedPrincipal:  "Policy document should not specify a principal.",
	judge.InvalidPrincipal:     "Invalid principal in policy",
	judge.InvalidPrincipalType: "Invalid principal in policy: %q",
	judge.InvalidAction:        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
	judge.ForeignAction:        "AssumeRole policy may only specify STS AssumeRole actions.",
	judge.InvalidResource:      "Resource %s must be in ARN format or \"*\".",
	judge.InvalidOperator:      "Invalid condition operator or format: %s",
	judge.InvalidAddress:       "Invalid IP address or range in condition: %s",
	judge.InvalidNumber:        "Invalid number in condition: %s",
}

func awsMessage(err error) string {
	var broken *judge.SyntaxError
	if !errors.As(err, &broken) || awsMessages[broken.Code] == "" {
		return "Syntax errors in policy."
	}
	format := awsMessages[broken.Code]
	if !strings.Contains(format, "%") {
		return format
	}
	return fmt.Sprintf(format, broken.Detail)
}

// size counts characters as IAM does: all but white space (docs/aws-facts.md, "White space").
func size(text string) int {
	n := 0
	for _, r := range text {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}
