package order

import (
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func oursOf(t *testing.T, statements ...string) string {
	t.Helper()
	ours, err := iam.Ours(document(statements...))
	if err != nil {
		t.Fatal(err)
	}
	return ours
}

func TestClosingAndKeptOut(t *testing.T) {
	rest := oursOf(t, mapped(aliceARN)...)
	for name, statements := range map[string]string{"with others": rest, "alone": ""} {
		t.Run(name, func(t *testing.T) {
			closed, err := Closing(statements, "aws", []access.UserName{dave})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Closing(closed, "aws", []access.UserName{dave}); err != nil || again != closed {
				t.Errorf("closing twice: %s (%v), want %s", again, err, closed)
			}
			kept, err := KeptOut(closed)
			if err != nil || !kept.Found || !slices.Equal(kept.Users, []access.UserName{dave}) || !iam.EqualStatements(kept.Rest, statements, nil) || len(kept.Admitted) > 0 {
				t.Errorf("got %+v (%v)", kept, err)
			}
		})
	}
	if kept, err := KeptOut(rest); err != nil || kept.Found || kept.Rest != rest {
		t.Errorf("without a Deny: %+v (%v)", kept, err)
	}
}

func TestKeptOutUserWhoIsAdmitted(t *testing.T) {
	kept, err := KeptOut(oursOf(t, append(mapped(aliceARN), deny(SidDenyRevoked, "", aliceARN, daveARN, "AIDADELETEDUSER7"))...))
	if err != nil || !slices.Equal(kept.Admitted, []access.UserName{alice}) || !slices.Equal(kept.Deleted, []string{"AIDADELETEDUSER7"}) {
		t.Errorf("got %+v (%v)", kept, err)
	}
}

func TestEditedStatementKeepsNobodyOut(t *testing.T) {
	for name, s := range map[string]string{
		"Allow": allow(SidDenyRevoked, daveARN), "condition": deny(SidDenyRevoked, office, daveARN), "everyone": deny(SidDenyRevoked, "", "*"),
	} {
		if kept, err := KeptOut(oursOf(t, s)); err != nil || kept.Found {
			t.Errorf("%s: %+v (%v)", name, kept, err)
		}
	}
}

func TestNames(t *testing.T) {
	three := []access.UserName{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for n, want := range []string{"", "a", "a and b", "a, b and c"} {
		if got := Names(three[:n]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
