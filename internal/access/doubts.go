package access

import "slices"

// Doubt is what the identity provider cannot decide: whether the person of a subject is the holder of a local account.
// An admin without a subject may have added the person under the address that the admin has at the provider. The two
// count together. That is not transitive, because the holder of the local account is at most one subject.
type Doubt struct {
	Act   Act   // added the person, or changed the address or the link
	Local int64 // the account that the provider does not know
}

func (d Doubt) sentence(names map[int64]PersonRef) string {
	return d.Act.Sentence() + ", and the identity provider does not know " + names[d.Local].Name
}

// doubtsOf finds the doubts about people whom only the identity provider has vouched for since the act. acts are in
// their order.
func doubtsOf(people []Person, acts []Act) []Doubt {
	subject := map[int64]bool{}
	for _, p := range people {
		subject[p.ID] = p.Subject
	}
	last, firm := map[int64]int64{}, map[int64]int64{}
	for _, a := range acts {
		if a.Kind == ActVouch {
			last[a.Person.ID] = a.ID
		}
		if a.Kind == ActVouch && a.Basis != VouchedByProvider {
			firm[a.Person.ID] = a.ID
		}
	}
	var doubts []Doubt
	for _, a := range acts {
		tied := a.Kind == ActAdd || a.Kind == ActEmail || a.Kind == ActLink
		if !tied || !a.binds() || a.ID < firm[a.Person.ID] || a.ID > last[a.Person.ID] {
			continue
		}
		for _, maker := range append([]int64{a.By.ID}, a.With...) {
			if !subject[maker] {
				doubts = append(doubts, Doubt{Act: a, Local: maker})
			}
		}
	}
	return doubts
}

// haveDoubt reports whether a doubt joins the groups of two people.
func (g Groups) haveDoubt(a, b int64) bool {
	return slices.ContainsFunc(g.Doubts, func(d Doubt) bool {
		person, local := g.root(d.Act.Person.ID), g.root(d.Local)
		return person == g.root(a) && local == g.root(b) || person == g.root(b) && local == g.root(a)
	})
}

// doubtful reports whether there is a doubt about the subject of a person.
func (g Groups) doubtful(id int64) bool {
	return slices.ContainsFunc(g.Doubts, func(d Doubt) bool { return d.Act.Person.ID == id })
}

// doubtfulLocal reports whether a person may be one of those whom the provider knows as another.
func (g Groups) doubtfulLocal(id int64) bool {
	return slices.ContainsFunc(g.Doubts, func(d Doubt) bool { return g.root(d.Local) == g.root(id) })
}
