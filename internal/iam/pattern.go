package iam

import "strings"

// match reports whether a pattern with * and ? matches the whole of s. It backtracks to
// the last star only, so that no pattern costs more than len(pattern) × len(s).
func match(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i] || isLiteral(pattern[p], s[i])):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchFold is match without regard to case, as actions are compared.
func matchFold(pattern, s string) bool {
	return match(foldASCII(pattern), foldASCII(s))
}

// Within a pattern these bytes stand for a star and a question mark that are meant as
// they are: from ${*} and ${?}, and from the values of variables.
const (
	literalStar  = 0x01
	literalQuery = 0x02
)

var (
	hideWildcards = strings.NewReplacer("*", "\x01", "?", "\x02")
	showWildcards = strings.NewReplacer("\x01", "*", "\x02", "?")
)

func isLiteral(p, c byte) bool {
	return p == literalStar && c == '*' || p == literalQuery && c == '?'
}
