package sim

import (
	"encoding/json"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// The simulation takes documents apart and puts them together without package iam.

const ourPrefix = "Portcullis"

// statements are the statements of a document, each as it is written.
type statements []json.RawMessage

type policyDocument struct {
	Version   string
	Statement statements
}

// readStatements reads the statements of a document; none for "" and for a text that is no document.
func readStatements(document string) statements {
	var d policyDocument
	if document == "" || json.Unmarshal([]byte(document), &d) != nil {
		return nil
	}
	return d.Statement
}

// document writes statements as a document; "" for none.
func (s statements) document() string {
	if len(s) == 0 {
		return ""
	}
	text, err := json.Marshal(policyDocument{Version: "2012-10-17", Statement: s})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func isOurs(s json.RawMessage) bool {
	var head struct{ Sid string }
	return json.Unmarshal(s, &head) == nil && strings.HasPrefix(head.Sid, ourPrefix)
}

func isDeny(s json.RawMessage) bool {
	var head struct{ Effect string }
	return json.Unmarshal(s, &head) == nil && head.Effect == "Deny"
}

func (s statements) without(drop func(json.RawMessage) bool) statements {
	return slices.DeleteFunc(slices.Clone(s), drop)
}

func ours(document string) statements {
	return readStatements(document).without(func(s json.RawMessage) bool { return !isOurs(s) })
}

func foreign(document string) statements { return readStatements(document).without(isOurs) }

// canonical is a text that two lists of statements have in common if they say the same, apart from
// the order of their elements.
func (s statements) canonical() string {
	var b strings.Builder
	for _, one := range s {
		var value any
		if err := json.Unmarshal(one, &value); err != nil {
			return string(one)
		}
		text, _ := json.Marshal(value) //nolint:errchkjson // it was read a moment ago
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

// final is the document that an operation leaves, given the document that it was planned on.
func final(op access.PlannedOperation, read string) string {
	switch op.Kind {
	case access.OpTrustPolicy:
		var planned statements
		if op.OursAfter != "" && json.Unmarshal([]byte(op.OursAfter), &planned) != nil {
			panic("the plan has statements that are no list: " + op.OursAfter)
		}
		return append(foreign(read), planned...).document()
	case access.OpAttachments:
		live, _ := access.Attachments(read)
		planned, _ := access.Attachments(op.OursAfter)
		_, others := access.UserSideAttachments(live)
		return access.AttachmentsDocument(append(others, planned...))
	default:
		return op.After
	}
}

func allow(principal, condition string) json.RawMessage {
	return json.RawMessage(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + condition +
		`}`)
}

func awsPrincipal(arn string) string { return `{"AWS":"` + arn + `"}` }

func rootOf(id access.AccountID) string { return "arn:aws:iam::" + string(id) + ":root" }

// ec2Only is a statement that admits no user. IAM demands at least one statement.
var ec2Only = allow(`{"Service":"ec2.amazonaws.com"}`, "")

const (
	fromElsewhere = `,"Condition":{"IpAddress":{"aws:SourceIp":"8.8.8.0/24"}}`
	withMFA       = `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`
	mayAssumeAll  = `{"Version":"2012-10-17","Statement":[` + mayAssumeAny + `]}`
	mayAssumeAny  = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
)
