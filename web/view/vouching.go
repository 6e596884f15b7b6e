package view

import (
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
