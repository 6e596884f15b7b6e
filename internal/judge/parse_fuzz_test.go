package judge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/judge"
)

// Each text is refused with a SyntaxError or parsed. A parsed document is valid JSON, means
// the same with other white space, and an added Deny of everything denies every request.
func FuzzParse(f *testing.F) {
	for seed := range uint64(8) {
		g := newGenerator(seed, 1)
		f.Add(g.trust(), true, "aws:sourceip", "103.15.250.7")
		f.Add(g.document(g.resource), false, "sts:rolesessionname", "alice")
	}
	f.Add(`{"Id":"x","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"Null":{"a":true}}}}`,
		true, "a", "")
	f.Fuzz(func(t *testing.T, text string, trust bool, key, value string) {
		kind := judge.IdentityPolicy
		if trust {
			kind = judge.TrustPolicy
		}
		doc, err := judge.Parse(text, kind)
		if err != nil {
			if broken := new(judge.SyntaxError); !errors.As(err, &broken) || doc != nil {
				t.Fatalf("got %v and %v, want a syntax error alone", doc, err)
			}
			return
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, []byte(text), " ", "\t"); err != nil {
			t.Fatalf("parsed, but not JSON: %v", err)
		}
		again, err := judge.Parse(spaced.String(), kind)
		if d := cmp.Diff(doc, again); d != "" || err != nil {
			t.Fatalf("with white space: %v %s", err, d)
		}
		r := assume(user(home))
		r.Keys = judge.Keys{key: value, "aws:username": "alice"}
		before := decide(r, doc)
		if before.Allowed != (before.Statement != nil && !before.Statement.Deny) {
			t.Errorf("allowed %v by %+v", before.Allowed, before.Statement)
		}
		denied := *doc
		denied.Statements = append(denied.Statements[:len(denied.Statements):len(denied.Statements)], judge.Statement{
			Deny: true, Actions: []string{"*"}, Resources: []string{"*"},
			Principals: []judge.PrincipalElement{{Type: "AWS", Value: "*"}},
		})
		if after := decide(r, &denied); after.Allowed || after.Statement == nil {
			t.Errorf("with a Deny of everything: %+v", after)
		}
	})
}

func decide(r judge.Request, doc *judge.Document) judge.Decision {
	if doc.Kind == judge.TrustPolicy {
		return judge.DecideTrust(r, home, doc, judge.Policies{})
	}
	return judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}})
}
