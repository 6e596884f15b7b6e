package iam

import "testing"

// FuzzPolicy feeds documents to everything that reads them. Whatever the bytes: nothing
// panics, the canonical form is stable, layout keeps the meaning, and a merge keeps the
// statements of others.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{
		articleTrust, articleUser, twoUsers, `{"Statement":{"Effect":"Deny","NotPrincipal":"*","NotAction":[],"Condition":{"Null":{"a":true}}}}`,
		`{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisX","Effect":"Allow","Principal":{"AWS":["AIDAX","1","arn:aws:iam::111122223333:root"]},"Action":"*","Condition":{"ForAllValues:StringLikeIfExists":{"sts:RoleSessionName":["${aws:username","${*}"]}}}]}`,
		"%7B%7D", `{"a":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		Evaluate(aliceFrom("8.8.8.8"), doc, []string{doc})
		DiffLines(doc, articleTrust)
		canonical, err := Canonical(doc, nil)
		if err == nil {
			again, err := Canonical(canonical, nil)
			if err != nil || again != canonical {
				t.Fatalf("the canonical form is not stable:\n%q\n%q (%v)", canonical, again, err)
			}
			if pretty := Pretty(doc); !Equal(doc, pretty, nil) {
				t.Fatalf("Pretty changes the meaning of %q:\n%s", doc, pretty)
			}
		}
		checkMergeOf(t, doc)
	})
}

func checkMergeOf(t *testing.T, doc string) {
	ours := oursFor("alice", "8.8.8.0/24")
	merged, _, err := Merge(doc, ours)
	if err != nil {
		return
	}
	if again, _, err := Merge(merged, ours); err != nil || again != merged {
		t.Fatalf("merge is not idempotent:\n%q\n%q (%v)", merged, again, err)
	}
	before, errBefore := Foreign(doc)
	after, errAfter := Foreign(merged)
	if errBefore == nil && (errAfter != nil || before != after) {
		t.Fatalf("a merge changed the statements of others:\n%q\n%q (%v)", before, after, errAfter)
	}
}

// FuzzPattern compares the matcher with the obvious, slow one.
func FuzzPattern(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add("***", "")
	f.Add("sts:*Role", "sts:AssumeRole")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 {
			return
		}
		if got, want := match(pattern, s), slowMatch(pattern, s); got != want {
			t.Fatalf("match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func slowMatch(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return slowMatch(p[1:], s) || s != "" && slowMatch(p, s[1:])
	case s == "":
		return false
	default:
		return (p[0] == '?' || p[0] == s[0] || isLiteral(p[0], s[0])) && slowMatch(p[1:], s[1:])
	}
}
