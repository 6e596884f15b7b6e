package iam

import (
	"strings"
	"time"
)

const articleTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "sts:AssumeRole"},
    {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "sts:AssumeRole",
     "Condition": {"NotIpAddress": {"aws:SourceIp": ["103.15.250.0/24", "12.148.72.0/23"]}}}
  ]
}`

const articleUser = `{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111122223333:role/Bob"}
}`

var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func replaceOnce(s, from, to string) string { return strings.Replace(s, from, to, 1) }

var otherSession = []Condition{NewCondition("StringNotEquals", "sts:RoleSessionName", "${aws:username}")}
