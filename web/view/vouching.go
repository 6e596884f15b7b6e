package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// vouchWords says who vouched for a person.
func vouchWords(v access.Vouching) string {
	switch v.Basis {
	case access.VouchedByProvider:
		return "the identity provider"
	case access.VouchedByServer:
		return "the server’s command line"
	default:
		return v.By.Name
	}
}

// togetherNames lists with whom a person counts together.
func togetherNames(v access.Vouching) string {
	names := make([]string, len(v.With))
	for i, p := range v.With {
		names[i] = p.Name
	}
	return namesOf(names, 5)
}

// togetherWhy says why a person counts together with others.
func togetherWhy(v access.Vouching) []string {
	words := make([]string, len(v.Why))
	for i, a := range v.Why {
		words[i] = a.Sentence() + "."
	}
	return words
}

// fourEyesTitle says that a change does not need two humans, or cannot be applied.
func fourEyesTitle(f access.FourEyes) string {
	if f.Single() {
		return "Four eyes are not in force: one person applies changes alone."
	}
	return "Four eyes are not in force: no change can be applied."
}

// uncounted says why a review does not count as an approval; "" if it counts, or needs no explanation.
func uncounted(c access.Change, r access.Review) string {
	if r.Void || r.Verdict != access.VerdictApprove {
		return ""
	}
	if why := c.Uncounted(r); why != "" {
		return "This approval does not count: " + why + "."
	}
	if earlier := c.Repeats(r); earlier != "" {
		return "This approval and that of " + earlier + " count once: " +
			strings.Join([]string{r.Reviewer.Name, earlier}, " and ") + " count together."
	}
	return ""
}
