package view

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/policy"
)

// issueGroup are the issues of one severity.
type issueGroup struct {
	severity policy.Severity
	issues   []policy.Issue
}

// issueGroups sorts issues by severity, the worst first, and leaves out empty groups.
func issueGroups(issues []policy.Issue) []issueGroup {
	var groups []issueGroup
	for _, s := range []policy.Severity{policy.SeverityError, policy.SeverityWarning, policy.SeverityInfo} {
		if some := ofSeverity(issues, s); len(some) > 0 {
			groups = append(groups, issueGroup{severity: s, issues: some})
		}
	}
	return groups
}

// fewIssues is how many a group names before the rest is folded away: what follows on the
// page must not be pushed out of sight by many of one kind.
const fewIssues = 3

func (g issueGroup) first() []policy.Issue { return g.issues[:min(len(g.issues), fewIssues)] }

func (g issueGroup) others(shown int) []policy.Issue {
	rest := g.issues[fewIssues:]
	return rest[:min(len(rest), shown)]
}

// ofSeverity picks the issues of these severities.
func ofSeverity(issues []policy.Issue, severities ...policy.Severity) []policy.Issue {
	return slices.DeleteFunc(slices.Clone(issues), func(i policy.Issue) bool { return !slices.Contains(severities, i.Severity) })
}

// refused reports whether issues stop the change: then they are shown for themselves.
func (p ChangePage) refused() bool { return len(ofSeverity(p.Issues, policy.SeverityError)) > 0 }

// largeReach reports whether the change lets users in from many addresses.
func (p ChangePage) largeReach() bool {
	return slices.ContainsFunc(p.Issues, func(i policy.Issue) bool { return i.Code == policy.CodeLargeReach })
}

// unsaid are the reasons against the change that none of its issues says.
func (p ChangePage) unsaid() []string {
	said := func(message string) bool {
		return strings.HasPrefix(message, "…") || slices.ContainsFunc(p.Issues, func(i policy.Issue) bool {
			return strings.Contains(strings.ToLower(message), strings.ToLower(i.Message))
		})
	}
	var messages []string
	for _, f := range p.Fields {
		if !said(f.Message) {
			messages = append(messages, sentence(f.Message))
		}
	}
	return messages
}

func (g issueGroup) title() string {
	n := len(g.issues)
	switch g.severity {
	case policy.SeverityError:
		return Count(n, "thing stops", "things stop") + " this change from being submitted"
	case policy.SeverityWarning:
		return Count(n, "thing deserves", "things deserve") + " a second look"
	default:
		return "Good to know"
	}
}

// issueText is an issue as a line of its group. It names the object where the message
// does not.
func issueText(i policy.Issue) string {
	text := sentence(i.Message)
	if _, name, _ := strings.Cut(i.Object, " "); name != "" && !strings.Contains(i.Message, name) {
		text = sentence(i.Object + ": " + i.Message)
	}
	if i.Advice == "" {
		return text
	}
	return text + " " + sentence(i.Advice)
}

// sentence writes a message that can stand within others as a sentence of its own.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	// Names and addresses keep their spelling.
	if word, _, _ := strings.Cut(s, " "); !strings.ContainsAny(word, "0123456789./:") {
		first, size := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(first)) + s[size:]
	}
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// clearedText is an issue that goes away, without the advice.
func clearedText(i policy.Issue) string {
	i.Advice = ""
	return issueText(i)
}

func clearedTitle(n int) string { return "This change clears " + Count(n, "warning") }

func issueTone(s policy.Severity) Tone {
	switch s {
	case policy.SeverityError:
		return Bad
	case policy.SeverityWarning:
		return Caution
	default:
		return Info
	}
}
