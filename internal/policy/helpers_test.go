package policy

import (
	"regexp"
	"strings"
)

func replaceOnce(s, from, to string) string { return strings.Replace(s, from, to, 1) }

// sidPattern is what IAM allows in a Sid, and ours begin with our prefix.
var sidPattern = regexp.MustCompile(`^Portcullis[A-Za-z0-9]+$`)
