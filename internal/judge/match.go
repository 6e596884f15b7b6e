package judge

import "strings"

// In a pattern these characters match a literal star and a literal question mark. They
// come from the variables ${*} and ${?}, and from a star or question mark in the value of
// another variable. A policy cannot contain them (docs/aws-facts.md, "Document grammar").
const (
	literalStar     = "\x01"
	literalQuestion = "\x02"
)

var (
	hideWildcards = strings.NewReplacer("*", literalStar, "?", literalQuestion)
	showWildcards = strings.NewReplacer(literalStar, "*", literalQuestion, "?")
)

// wild reports whether a pattern with * and ? matches the whole text.
func wild(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || sameByte(pattern[p], text[t])):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func sameByte(p, t byte) bool {
	return p == t || p == literalStar[0] && t == '*' || p == literalQuestion[0] && t == '?'
}

// MatchAction reports whether a pattern of an Action element, for example "iam:Get*",
// matches an action. Case does not matter.
func MatchAction(pattern, action string) bool {
	return wild(lower(pattern), lower(action))
}

// lower folds the case of ASCII letters. strings.ToLower also makes k of U+212A KELVIN SIGN.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// equalFold compares texts without regard to the case of ASCII letters.
func equalFold(a, b string) bool { return lower(a) == lower(b) }

// wildARN matches the six parts of an ARN one by one, so that a star in one part does not
// match a colon.
func wildARN(pattern, arn string) bool {
	ps, as := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(ps) != 6 || len(as) != 6 {
		return wild(pattern, arn)
	}
	for i := range ps {
		if !wild(ps[i], as[i]) {
			return false
		}
	}
	return true
}

// expand replaces policy variables by their values and returns a pattern for wild. It
// returns false if a variable has no value: then the pattern matches nothing. Source: IAM
// User Guide, "IAM policy elements: Variables and tags".
func expand(s string, keys Keys) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String(), true
		}
		value, ok := variable(name, keys)
		if !ok {
			return "", false
		}
		b.WriteString(value)
		s = after
	}
}

func variable(name string, keys Keys) (string, bool) {
	switch name {
	case "*":
		return literalStar, true
	case "?":
		return literalQuestion, true
	case "$":
		return "$", true
	}
	name, fallback, hasFallback := strings.Cut(name, ",")
	if value, ok := keys[lower(strings.TrimSpace(name))]; ok {
		return hideWildcards.Replace(value), true
	}
	return hideWildcards.Replace(strings.Trim(strings.TrimSpace(fallback), "'")), hasFallback
}
