package iam

import (
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
	testNow = accesstest.Now
	doc     = accesstest.Document
	denyIf  = accesstest.DenyIf
)

func replaceOnce(s, from, to string) string { return strings.Replace(s, from, to, 1) }

var otherSession = []Condition{NewCondition("StringNotEquals", "sts:RoleSessionName", "${aws:username}")}
