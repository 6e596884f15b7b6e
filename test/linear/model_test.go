package linear

import (
	"net/http"
	"testing"

	"github.com/anishathalye/porcupine"
)

// script is a history that is written down. A step that begins where the one before has ended follows it.
type script []porcupine.Operation

func (s script) then(c call, a answer) script {
	return s.at(int64(len(s)*10), int64(len(s)*10+5), c, a)
}

func (s script) at(from, to int64, c call, a answer) script {
	if a.unknown() {
		to = never
	}
	return append(s[:len(s):len(s)], porcupine.Operation{Input: c, Call: from, Output: a, Return: to})
}

func shows(state, title, digest string, version, base int64) answer {
	return answer{status: http.StatusOK, state: state, title: title, digest: digest, version: version, base: base}
}

func applied(title, digest string, version, base, revision int64) answer {
	a := shows("applied", title, digest, version, base)
	a.revision = revision
	return a
}

func refusal(status int) answer { return answer{status: status} }

// The histories of one change that the model must tell apart.
func TestModelOfAChange(t *testing.T) {
	began := script{}.then(call{op: opPropose, change: 1, title: "a"}, shows("draft", "a", "", 1, 4))
	submitted := began.then(call{op: opSubmit, change: 1}, shows("in_review", "a", "d", 2, 4))
	approve := call{op: opApprove, change: 1, person: 1, digest: "d"}
	approved := submitted.then(approve, shows("approved", "a", "d", 3, 4))
	apply := call{op: opApply, change: 1, person: 2, digest: "d"}
	revision := func(n int64) answer { return answer{status: http.StatusCreated, revision: n} }
	read := call{op: opRead, change: 1}
	edit := func(match int64, title string) call { return call{op: opEdit, change: 1, match: match, title: title} }
	lost := answer{}
	composed := script{}.then(call{op: opCompose, change: 1}, shows("expiring", "x", "", 1, 4))
	expired := composed.then(call{op: opExpire, change: 1}, revision(6))
	for name, c := range map[string]struct {
		history script
		want    bool
	}{
		"applied on its base": {approved.then(apply, revision(5)).then(read,
			applied("a", "d", 4, 4, 5)), true},
		"applied on a newer head": {approved.then(apply, revision(9)).then(read,
			applied("a", "d", 5, 8, 9)), true},
		"applied on a newer head, base not moved": {approved.then(apply, revision(9)).then(read,
			applied("a", "d", 4, 4, 9)), false},
		"applied twice":            {approved.then(apply, revision(5)).then(apply, revision(6)), false},
		"applied without a review": {submitted.then(apply, revision(5)), false},
		"applied after an edit voided its reviews": {approved.then(edit(3, "b"),
			shows("draft", "b", "", 4, 4)).then(apply, revision(5)), false},
		"applied with another digest": {approved.then(call{op: opApply, change: 1, digest: "e"},
			revision(5)), false},
		"an apply may leave it conflicted": {approved.then(apply, refusal(409)).then(read,
			shows("conflicted", "a", "", 4, 4)), true},
		"a refused submit leaves it": {began.then(call{op: opSubmit, change: 1}, refusal(409)).then(read,
			shows("conflicted", "a", "", 2, 4)), false},
		"the author approves": {submitted.then(call{op: opApprove, change: 1, digest: "d"},
			shows("approved", "a", "d", 3, 4)), false},
		"the author is refused": {submitted.then(call{op: opApprove, change: 1, digest: "d"},
			refusal(403)), true},
		"another person is refused as the author": {submitted.then(approve, refusal(403)), false},
		"an edit with the version that it read":   {began.then(edit(1, "b"), shows("draft", "b", "", 2, 4)), true},
		"an edit with an old version": {
			began.then(edit(1, "b"), shows("draft", "b", "", 2, 4)).then(edit(1, "c"), shows("draft", "c", "", 3, 4)),
			false,
		},
		"two edits at once with one version": {
			began.at(100, 200, edit(1, "b"), shows("draft", "b", "", 2, 4)).at(100, 200, edit(1, "c"),
				shows("draft", "c", "", 2, 4)), false,
		},
		"an old version is refused": {began.then(edit(1, "b"), shows("draft", "b", "", 2, 4)).then(edit(1, "c"),
			refusal(412)), true},
		"the version is refused": {began.then(edit(1, "b"), refusal(412)), false},
		"an old answer to a read": {began.then(edit(1, "b"), shows("draft", "b", "", 2, 4)).then(read,
			shows("draft", "a", "", 1, 4)), false},
		"an old answer to a read at the same time": {
			began.at(100, 200, edit(1, "b"), shows("draft", "b", "", 2, 4)).at(100, 200, read,
				shows("draft", "a", "", 1, 4)), true,
		},
		"a lost edit had no effect": {began.then(edit(1, "b"), lost).then(read, shows("draft", "a", "", 1, 4)), true},
		"a lost edit shows later": {
			began.then(edit(1, "b"), lost).then(read, shows("draft", "a", "", 1, 4)).then(read,
				shows("draft", "b", "", 2, 4)), true,
		},
		"a lost edit goes away again": {
			began.then(edit(1, "b"), lost).then(read, shows("draft", "b", "", 2, 4)).then(read,
				shows("draft", "a", "", 1, 4)), false,
		},
		"a lost edit took effect twice": {
			began.then(edit(1, "b"), lost).then(read, shows("draft", "b", "", 3, 4)), false,
		},
		"a lost submit shows its digest": {began.then(call{op: opSubmit, change: 1}, lost).then(approve,
			shows("approved", "a", "d", 3, 7)), true},
		"the digest changes without a submit": {submitted.then(read, shows("in_review", "a", "e", 2, 4)), false},
		"a lost apply shows its revision": {
			approved.then(apply, lost).then(read, applied("a", "d", 5, 8, 9)),
			true,
		},
		"a withdrawn change is edited": {began.then(call{op: opWithdraw, change: 1},
			shows("withdrawn", "a", "", 2, 4)).then(edit(2, "b"), shows("draft", "b", "", 3, 4)), false},
		"a rebase keeps the reviews": {approved.then(call{op: opRebase, change: 1, person: 2},
			shows("approved", "a", "d", 4, 6)), true},
		"a rebase makes it a draft": {approved.then(call{op: opRebase, change: 1, person: 2},
			shows("draft", "a", "", 4, 6)), true},
		"a rebase skips a version": {approved.then(call{op: opRebase, change: 1, person: 2},
			shows("draft", "a", "", 5, 6)), false},
		"an expiry is applied": {expired.then(read, applied("x", "d", 3, 5, 6)).then(read,
			applied("x", "d", 3, 5, 6)), true},
		"an applied expiry changes": {expired.then(read, applied("x", "d", 3, 5, 6)).then(read,
			applied("x", "d", 4, 5, 6)), false},
		"an expiry is applied twice":         {expired.then(call{op: opExpire, change: 1}, revision(7)), false},
		"an expiry waits again after it ran": {expired.then(read, shows("expiring", "x", "", 3, 4)), false},
		"an expiry is withdrawn": {composed.then(call{op: opWithdraw, change: 1},
			shows("withdrawn", "x", "", 2, 4)), false},
		"an expiry is applied before its order": {composed.then(read, applied("x", "d", 3, 5, 6)), false},
	} {
		m := changeModel.ToModel()
		if got := porcupine.CheckOperations(m, c.history); got != c.want {
			t.Errorf("%s: linearizable %t, want %t", name, got, c.want)
		}
	}
}

func TestModelOfTheHead(t *testing.T) {
	apply := func(n int64) (call, answer) { return call{op: opApply}, answer{status: 201, revision: n} }
	base := func(n int64) (call, answer) { return call{op: opSubmit}, answer{status: 200, base: n} }
	head := func(n int64) (call, answer) { return call{op: opHead}, answer{status: 200, revision: n} }
	for name, c := range map[string]struct {
		history script
		want    bool
	}{
		"one after the other":    {script{}.then(apply(5)).then(apply(6)).then(base(6)).then(head(6)), true},
		"one revision of two":    {script{}.then(apply(5)).then(apply(5)), false},
		"a revision is left out": {script{}.then(apply(5)).then(apply(7)), false},
		"an old base":            {script{}.then(apply(5)).then(base(4)), false},
		"an old head":            {script{}.then(apply(5)).then(head(4)), false},
		"a lost apply is seen later": {script{}.then(call{op: opApply},
			answer{}).then(head(4)).then(head(5)).then(apply(6)), true},
		"a lost apply counts once": {script{}.then(call{op: opApply}, answer{}).then(head(6)), false},
	} {
		model := headModel(4)
		if got := porcupine.CheckOperations(model.ToModel(), c.history); got != c.want {
			t.Errorf("%s: linearizable %t, want %t", name, got, c.want)
		}
	}
}
