package access

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Groups says which accounts one human may hold. Two people who count together are one group, and a group counts
// once among author, editors, reviewers and applier of a change. A person who has no act counts alone.
type Groups struct {
	People []Person        // all of the console, each with at least id, name, e-mail address and Disabled
	Acts   []Act           // of each person, from the last vouching on, in the order of their ids
	Root   map[int64]int64 // the smallest id of the group, of all people who do not count alone

	Doubts []Doubt
}

// NewGroups works out the groups of people from acts, of any order. Acts from before the last vouching for their person do not
// count.
func NewGroups(people []Person, acts []Act) Groups {
	all := slices.SortedFunc(slices.Values(acts), func(a, b Act) int { return cmp.Compare(a.ID, b.ID) })
	last := map[int64]int64{}
	for _, a := range all {
		if a.Kind == ActVouch {
			last[a.Person.ID] = a.ID
		}
	}
	g := Groups{People: people, Root: map[int64]int64{}}
	for _, a := range all {
		if a.ID < last[a.Person.ID] {
			continue
		}
		g.Acts = append(g.Acts, a)
		if a.binds() {
			g.join(a.Person.ID, a.By.ID)
			for _, id := range a.With {
				g.join(a.Person.ID, id)
			}
		}
	}
	for id := range g.Root {
		g.Root[id] = g.root(id)
	}
	g.Doubts = doubtsOf(people, all)
	return g
}

func (g Groups) root(id int64) int64 {
	for {
		up, known := g.Root[id]
		if !known || up == id {
			return id
		}
		id = up
	}
}

func (g Groups) join(a, b int64) {
	a, b = g.root(a), g.root(b)
	g.Root[max(a, b)] = min(a, b)
	g.Root[min(a, b)] = min(a, b)
}

// Of names the group of a person by the smallest id in it.
func (g Groups) Of(id int64) int64 { return g.root(id) }

// Together reports whether two people count once. The system counts with none.
func (g Groups) Together(a, b int64) bool {
	return a != 0 && b != 0 && (g.root(a) == g.root(b) || g.haveDoubt(a, b))
}

// With lists the others in a person's group, by id.
func (g Groups) With(id int64) []int64 {
	root, in := g.Root[id]
	if !in {
		return nil
	}
	var others []int64
	for _, other := range slices.Sorted(maps.Keys(g.Root)) {
		if other != id && g.Root[other] == root {
			others = append(others, other)
		}
	}
	return others
}

// bonds are the acts that bind a person to others, since they were last vouched for.
func (g Groups) bonds(id int64) []Act {
	var bonds []Act
	for _, a := range g.Acts {
		if a.Person.ID == id && a.binds() {
			bonds = append(bonds, a)
		}
	}
	return bonds
}

// Vouching says who vouched for a person, and with whom they count together and why.
func (g Groups) Vouching(id int64) Vouching {
	var v Vouching
	for _, a := range g.Acts {
		if a.Person.ID == id && a.Kind == ActVouch {
			v = Vouching{Vouched: true, Basis: a.Basis, By: a.By, At: a.At}
		}
	}
	v.Why = g.bonds(id)
	if len(v.Why) > 0 {
		v = Vouching{Why: v.Why}
	}
	names := g.names()
	for _, other := range g.With(id) {
		v.With = append(v.With, names[other])
	}
	if len(v.Why) == 0 && len(v.With) > 0 {
		v.Why = g.bondsTo(id)
	}
	for _, d := range g.Doubts {
		if d.Act.Person.ID == id || d.Local == id {
			v.Doubts = append(v.Doubts, d.sentence(names))
		}
	}
	return v
}

// bondsTo are the acts on others of the group that name a person.
func (g Groups) bondsTo(id int64) []Act {
	var bonds []Act
	for _, a := range g.Acts {
		if a.binds() && (a.By.ID == id || slices.Contains(a.With, id)) {
			bonds = append(bonds, a)
		}
	}
	return bonds
}

func (g Groups) names() map[int64]PersonRef {
	names := make(map[int64]PersonRef, len(g.People))
	for _, p := range g.People {
		names[p.ID] = PersonRef{ID: p.ID, Name: p.Name, Email: p.Email}
	}
	return names
}

// because says why a person counts together with others: "Ada added Ben on 3 Mar 2026".
func (g Groups) because(id int64) string {
	v := g.Vouching(id)
	var words []string
	for _, a := range v.Why {
		words = append(words, a.Sentence())
	}
	return joinWords(append(words, v.Doubts...), "; ")
}

// Independent counts the people whom the console knows to be different humans, whatever was done to their accounts
// since: those who were vouched for at any time, and those who never had an act of another person. An admin who
// resets or disables all others stays one of them. A person leaves the count once the operator of the server
// confirms that the account is disabled.
func (g Groups) Independent() int {
	n := 0
	for _, p := range g.People {
		ever, bound, retired := false, false, false
		for _, a := range g.Acts {
			if a.Person.ID != p.ID {
				continue
			}
			ever, bound = ever || a.Kind == ActVouch, bound || a.binds()
			retired = a.Kind == ActRetire || retired && a.Kind != ActEnable
		}
		if (ever || !bound) && (!retired || !p.Disabled) && !g.doubtful(p.ID) {
			n++
		}
	}
	return n
}

// Active counts the groups of the people who are not disabled.
func (g Groups) Active() int {
	var counted []int64
	for _, local := range []bool{false, true} { // first those of whom the provider knows that they are different
		for _, p := range g.People {
			if !p.Disabled && g.doubtfulLocal(p.ID) == local && !g.together([]int64{p.ID}, counted) {
				counted = append(counted, p.ID)
			}
		}
	}
	return len(counted)
}

// FourEyes says whether changes need two humans now, and if not, in which sense.
type FourEyes struct {
	Groups      int  // of people who are not disabled
	Independent int  // people known to be different humans
	Allowed     bool // the server runs in the mode single administrator
}

// FourEyes counts people for the mode single administrator.
func (g Groups) FourEyes(allowed bool) FourEyes {
	return FourEyes{Groups: g.Active(), Independent: g.Independent(), Allowed: allowed}
}

// InForce reports whether a change needs people of two groups, and two groups exist.
func (f FourEyes) InForce() bool { return f.Groups >= 2 }

// Single reports whether the mode single administrator has effect: one person may apply a change alone, flagged.
func (f FourEyes) Single() bool { return f.Allowed && f.Independent < 2 && f.Groups < 2 }

// OneGroup says that all people are one group, who they are and why, and what to do. f is their count.
func (g Groups) OneGroup(f FourEyes) string {
	var names, why []string
	for _, p := range g.People {
		if p.Disabled {
			continue
		}
		names = append(names, p.Name)
		for _, a := range g.bonds(p.ID) {
			why = append(why, a.Sentence())
		}
	}
	for _, d := range g.Doubts {
		why = append(why, d.sentence(g.names()))
	}
	text := strings.Join(names, ", ") + " is the only person with an active account."
	if len(names) != 1 {
		text = "All people with an active account count as one group: " + joinWords(names, ", ") + "."
		if len(why) > 0 {
			text += " The reasons: " + joinWords(why, "; ") + "."
		}
	}
	if f.Single() {
		return text + " The console runs in the mode single administrator: one person applies changes alone, and each such " +
			"change stays flagged until a person of another group has reviewed it."
	}
	text += " A change needs people of two groups. A person becomes a group when they sign in at the identity " +
		"provider, or when the operator of the server vouches for them: portcullis user vouch --email ADDRESS."
	if f.Allowed {
		return text + " The mode single administrator has no effect, because other people were vouched for before. If " +
			"they have left, the operator must confirm that: portcullis user set --email ADDRESS --disable."
	}
	return text + " If one person runs this console, the operator can start it with --single-administrator."
}

// joinWords joins the first few of a list.
func joinWords(words []string, separator string) string {
	const shown = 5
	text := strings.Join(words[:min(len(words), shown)], separator)
	if more := len(words) - shown; more > 0 {
		text += fmt.Sprintf("%sand %d more", separator, more)
	}
	return text
}
