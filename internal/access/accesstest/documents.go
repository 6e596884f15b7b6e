package accesstest

import (
	"net/netip"
	"strings"
)

// ArticleTrust is the trust policy of the article, with its placeholders filled in.
const ArticleTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "sts:AssumeRole"},
    {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "sts:AssumeRole",
     "Condition": {"NotIpAddress": {"aws:SourceIp": ["103.15.250.0/24", "12.148.72.0/23"]}}}
  ]
}`

// ArticleUser is the policy of the article's user.
const ArticleUser = `{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111122223333:role/Bob"}
}`

// AllowAlice is a statement that lets the article's user assume a role.
const AllowAlice = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},` +
	`"Action":"sts:AssumeRole"}`

// Document is a policy document of statements.
func Document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// DenyIf is a statement that denies everyone to assume a role under a condition.
func DenyIf(condition string) string {
	return `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":` + condition + `}`
}

// Prefixes parses networks.
func Prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}
