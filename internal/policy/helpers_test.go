package policy

import (
	"regexp"
	"strings"

	"portcullis.internal/portcullis/internal/access/accesstest"
)

// Fixtures that other packages share.
const (
	articleTrust = accesstest.ArticleTrust
	articleUser  = accesstest.ArticleUser
	allowAlice   = accesstest.AllowAlice
)

var (
	testNow  = accesstest.Now
	doc      = accesstest.Document
	denyIf   = accesstest.DenyIf
	prefixes = accesstest.Prefixes
)

func replaceOnce(s, from, to string) string { return strings.Replace(s, from, to, 1) }

// sidPattern is what IAM allows in a Sid, and ours begin with our prefix.
var sidPattern = regexp.MustCompile(`^Portcullis[A-Za-z0-9]+$`)
