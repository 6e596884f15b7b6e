package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// accountName names the account that was asked about, where the page has it at hand; it
// asks for nothing more.
func (p ExplainProps) accountName() string {
	for _, a := range p.Known.Accounts {
		if a.ID == access.AccountID(p.Form.Account) {
			return a.Name
		}
	}
	return ""
}

// decidedBy is the Sid that decided, where it stands in that document.
func (a ExplainAnswer) decidedBy(document string) string {
	if a.Document != document {
		return ""
	}
	return a.Statement
}

// nearStatement parts a document, as policy.Pretty writes it, into the lines of the
// statement with a Sid and those before and after it. Without one, all of it is before.
func nearStatement(text, sid string) (before, statement, after string) {
	const open, shut = "\n    {\n", "\n    }"
	at := strings.Index(text, "\n      \"Sid\": \""+sid+"\"")
	if sid == "" || at < 0 {
		return text, "", ""
	}
	// The statement's own brace may end where its Sid's line begins.
	from := strings.LastIndex(text[:at+1], open)
	to := strings.Index(text[at:], shut)
	if from < 0 || to < 0 {
		return text, "", ""
	}
	from, to = from+1, at+to+len(shut)
	if end := strings.IndexByte(text[to:], '\n'); end >= 0 {
		to += end + 1 // with its comma
	}
	return text[:from], text[from:to], text[to:]
}
