package access

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// town is a console whose people act on each other's accounts.
type town struct {
	people []Person
	acts   []Act
}

func (t *town) groups() Groups { return NewGroups(t.people, t.acts) }

func (t *town) add(by int64, name string) int64 {
	id := int64(len(t.people) + 1)
	t.people = append(t.people, Person{ID: id, Name: name, Email: strings.ToLower(name) + "@example.com"})
	t.act(ActAdd, by, id)
	return id
}

func (t *town) act(kind ActKind, by, on int64) {
	a := Act{ID: int64(len(t.acts) + 1), Kind: kind, Person: t.ref(on), By: t.ref(by), At: noon}
	if kind == ActVouch {
		a.Basis = VouchedByAdmin
	} else {
		a.With = t.groups().With(by)
	}
	t.acts = append(t.acts, a)
}

func (t *town) ref(id int64) PersonRef {
	if id == 0 {
		return PersonRef{Name: "system/command-line"}
	}
	p := t.people[id-1]
	return PersonRef{ID: id, Name: p.Name, Email: p.Email}
}

// founded is a console with people whom the command line has added.
func founded(names ...string) *town {
	t := &town{}
	for _, name := range names {
		id := t.add(0, name)
		t.act(ActVouch, 0, id)
	}
	return t
}

const ada, dan = 1, 2

func TestActsBind(t *testing.T) {
	for _, kind := range []ActKind{ActAdd, ActReset, ActRoles, ActTeams, ActEmail, ActLink, ActEnable} {
		w := founded("Ada", "Dan")
		w.act(kind, ada, dan)
		v := w.groups().Vouching(dan)
		if v.Vouched || len(v.With) != 1 || v.With[0].ID != ada || len(v.Why) != 1 {
			t.Errorf("%s: %+v, want Dan together with Ada, and why", kind, v)
		}
		if !strings.Contains(v.Why[0].Sentence(), "Ada ") || !strings.Contains(v.Why[0].Sentence(), " Dan on 3 Mar 2026") {
			t.Errorf("%s reads %q", kind, v.Why[0].Sentence())
		}
	}
	for _, kind := range []ActKind{ActVouch, ActRetire} {
		w := founded("Ada", "Dan")
		w.act(kind, ada, dan)
		if w.groups().Together(ada, dan) {
			t.Errorf("%s binds", kind)
		}
	}
	w := founded("Ada")
	w.act(ActRoles, ada, ada)
	if v := w.groups().Vouching(ada); !v.Vouched {
		t.Errorf("giving up a role of one's own ended the vouching: %+v", v)
	}
}

func TestGroupsAreTransitive(t *testing.T) {
	w := founded("Ada", "Dan")
	ben := w.add(ada, "Ben")
	cleo := w.add(ben, "Cleo")
	g := w.groups()
	if !g.Together(ada, cleo) || g.Together(dan, cleo) || g.Of(cleo) != ada {
		t.Errorf("groups %v, want Ada, Ben and Cleo in one and Dan alone", g.Root)
	}
	if g.Together(0, 0) || g.Together(0, ada) {
		t.Error("the system counts together with a person")
	}
	if v := g.Vouching(ada); len(v.With) != 2 || len(v.Why) == 0 {
		t.Errorf("of Ada: %+v, want the two others and why", v)
	}
}

// An account that was added in the name of another keeps its bond to the human behind, although the other is
// vouched for later.
func TestVouchingDoesNotFreeAccountsMadeBefore(t *testing.T) {
	w := founded("Ada", "Dan")
	ben := w.add(ada, "Ben")
	cleo := w.add(ben, "Cleo")
	w.act(ActVouch, dan, ben)
	if g := w.groups(); !g.Together(ada, cleo) {
		t.Errorf("groups %v: Ada made Cleo through Ben, and counts alone", g.Root)
	}
	w.act(ActVouch, dan, cleo)
	if g := w.groups(); g.Together(ada, cleo) || g.Together(ada, ben) || g.Together(ben, cleo) {
		t.Errorf("groups %v, want all apart once all are vouched for", g.Root)
	}
}

// The provider tells its subjects apart, but not a subject from a local account: an admin may have added a person under
// the address that the admin has at the provider.
func TestProviderDoesNotTellASubjectFromALocalAccount(t *testing.T) {
	w := founded("Ada", "Dan")
	ben, cleo := w.add(ada, "Ben"), w.add(ada, "Cleo")
	for _, id := range []int64{ben, cleo} {
		w.act(ActVouch, 0, id)
		w.acts[len(w.acts)-1].Basis = VouchedByProvider
		w.people[id-1].Subject = true
	}
	g := w.groups()
	if g.Together(ben, cleo) || !g.Together(ada, ben) || !g.Together(cleo, ada) || g.Together(dan, ben) {
		t.Errorf("doubts %+v: want Ada with each of the two, and the two apart", g.Doubts)
	}
	if f := g.FourEyes(false); f.Groups != 3 || f.Independent != 2 {
		t.Errorf("%+v, want three groups: Dan, Ben and Cleo", f)
	}
	if v := g.Vouching(ben); !v.Vouched || len(v.With) != 0 || len(v.Doubts) != 1 || !strings.Contains(v.Doubts[0], "does not know Ada") {
		t.Errorf("of Ben: %+v, want the doubt", v)
	}
	if err := g.CanVouch(Actor{Kind: ActorPerson, PersonID: ada}, w.people[ben-1]); KindOf(err) != KindForbidden {
		t.Errorf("Ada vouches: %v, want KindForbidden", err)
	}
	puppet := w.add(ben, "Puppet")
	if !w.groups().Together(ada, puppet) {
		t.Error("an account that Ben added is apart from Ada")
	}
	w.act(ActVouch, dan, ben)
	if g = w.groups(); g.Together(ada, ben) || !g.Together(ada, cleo) {
		t.Errorf("doubts %+v after Dan vouched for Ben: want Ada with Cleo alone", g.Doubts)
	}
	w.people[ada-1].Subject = true
	if g = w.groups(); g.Together(ada, cleo) || len(g.Doubts) != 0 {
		t.Errorf("doubts %+v after Ada signed in at the provider, want none", g.Doubts)
	}
}

func TestCanVouch(t *testing.T) {
	w := founded("Ada", "Dan")
	ben := w.add(ada, "Ben")
	g, p := w.groups(), w.people[ben-1]
	person := func(id int64) Actor { return Actor{Kind: ActorPerson, PersonID: id} }
	if err := g.CanVouch(person(dan), p); err != nil {
		t.Errorf("an admin of another group: %v", err)
	}
	if err := g.CanVouch(System("command-line"), p); err != nil {
		t.Errorf("the command line: %v", err)
	}
	for _, id := range []int64{ada, ben} {
		if err := g.CanVouch(person(id), p); KindOf(err) != KindForbidden {
			t.Errorf("%d of the same group: %v, want KindForbidden", id, err)
		}
	}
	token := Actor{Kind: ActorToken, PersonID: ada}
	if err := g.CanVouch(token, p); KindOf(err) != KindForbidden {
		t.Errorf("a token of the admin who added them: %v, want KindForbidden", err)
	}
	linked, disabled := p, p
	linked.LinkUntil, disabled.Disabled = noon, true
	for what, p := range map[string]Person{"a link is open": linked, "disabled": disabled, "vouched for": w.people[dan-1]} {
		if err := g.CanVouch(person(ada), p); KindOf(err) != KindConflict {
			t.Errorf("%s: %v, want KindConflict", what, err)
		}
	}
}

// Whatever one human does, all accounts that they have in hand count as one group, while others vouch only for
// accounts that this human does not have in hand.
func TestOneHumanIsOneGroup(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := founded("Mallory", "Dan", "Eve")
		inHand := map[int64]bool{1: true}
		for step := range 25 {
			by := pick(r, held(w, inHand, true))
			on := int64(1 + r.IntN(len(w.people)))
			switch r.IntN(10) {
			case 0:
				id := w.add(by, fmt.Sprint("New", len(w.people)))
				inHand[id] = r.IntN(3) > 0 // or the link is handed to another human
			case 1: // and uses the link
				w.act(ActReset, by, on)
				inHand[on] = true
			case 2: // and hands the link to another human
				if on != 1 {
					w.act(ActReset, by, on)
					delete(inHand, on)
				}
			case 3:
				w.act(ActRoles, by, on)
			case 4: // the human vouches, wherever that is allowed
				if w.groups().CanVouch(Actor{Kind: ActorPerson, PersonID: by}, w.people[on-1]) == nil {
					w.act(ActVouch, by, on)
				}
			default: // another human acts
				others := held(w, inHand, false)
				if len(others) == 0 {
					continue
				}
				other := pick(r, others)
				if !inHand[on] && w.groups().CanVouch(Actor{Kind: ActorPerson, PersonID: other}, w.people[on-1]) == nil {
					w.act(ActVouch, other, on)
				}
			}
			g := w.groups()
			for id := range inHand {
				if inHand[id] && !g.Together(1, id) {
					t.Fatalf("seed %d, step %d: one human has the accounts 1 and %d in two groups, after %+v", seed, step, id, w.acts)
				}
			}
		}
	}
}

// held lists the accounts that the human has in hand, or those that they do not.
func held(w *town, inHand map[int64]bool, in bool) []int64 {
	var ids []int64
	for _, p := range w.people {
		if inHand[p.ID] == in {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func pick(r *rand.Rand, ids []int64) int64 { return ids[r.IntN(len(ids))] }

func TestSingleAdministratorMode(t *testing.T) {
	alone := founded("Ada")
	alone.add(ada, "Ben")
	for _, allowed := range []bool{false, true} {
		if f := alone.groups().FourEyes(allowed); f.InForce() || f.Single() != allowed {
			t.Errorf("one group, allowed %v: %+v", allowed, f)
		}
	}
	if f := founded("Ada", "Dan").groups().FourEyes(true); !f.InForce() || f.Single() {
		t.Errorf("two groups: %+v, want four eyes in force", f)
	}
	for what, hostile := range map[string]func(w *town){
		"resets":   func(w *town) { w.act(ActReset, ada, dan) },
		"disables": func(w *town) { w.people[dan-1].Disabled = true },
		"disables one whom the server had confirmed and enables them again": func(w *town) {
			w.act(ActRetire, 0, dan)
			w.act(ActEnable, ada, dan)
			w.people[dan-1].Disabled = true
		},
	} {
		w := founded("Ada", "Dan")
		hostile(w)
		g := w.groups()
		if f := g.FourEyes(true); f.Single() || f.InForce() {
			t.Errorf("an admin %s all others: %+v, want no change to be applied", what, f)
		} else if text := g.OneGroup(f); !strings.Contains(text, "has no effect") {
			t.Errorf("an admin %s all others: %q", what, text)
		}
	}
	w := founded("Ada", "Dan")
	w.people[dan-1].Disabled = true
	w.act(ActRetire, 0, dan)
	if f := w.groups().FourEyes(true); !f.Single() {
		t.Errorf("the operator of the server confirmed that Dan has left: %+v, want the mode", f)
	}
}

func TestOneGroupSaysWhyAndWhatToDo(t *testing.T) {
	w := founded("Ada")
	text := w.groups().OneGroup(w.groups().FourEyes(false))
	for _, want := range []string{"Ada is the only person", "portcullis user vouch", "--single-administrator"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	w.add(ada, "Ben")
	text = w.groups().OneGroup(w.groups().FourEyes(false))
	for _, want := range []string{"Ada, Ben", "Ada added Ben on 3 Mar 2026"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if text = w.groups().OneGroup(w.groups().FourEyes(true)); !strings.Contains(text, "flagged") {
		t.Errorf("in the mode: %q", text)
	}
}
