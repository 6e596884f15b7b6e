package policy

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

func articleInput(t *testing.T) Input {
	t.Helper()
	return Input{
		Now:      testNow,
		Accounts: []access.Account{accesstest.InOU(access.Account{ID: "111122223333", Name: "payments"}, "Root/Prod")},
		State: access.State{
			Allowlists: []access.Allowlist{{ID: "al-office", Name: "office", Entries: entries(t, "103.15.250.0/24", "12.148.72.0/23")}},
			Mappings: []access.Mapping{{
				ID: "mp-1", Role: access.RoleName{Name: "Bob"}, Users: []access.UserName{{Name: "alice"}},
				Accounts: access.Selector{All: true}, Allowlists: []string{"office"},
			}},
		},
	}
}

func entries(t *testing.T, keys ...string) []access.Entry {
	t.Helper()
	var es []access.Entry
	for _, k := range keys {
		e, err := access.ParseEntry(k)
		if err != nil {
			t.Fatalf("ParseEntry(%q): %v", k, err)
		}
		es = append(es, e)
	}
	access.SortEntries(es)
	return es
}

func compile(t *testing.T, in Input, id access.AccountID) Documents {
	t.Helper()
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatalf("NewCompiler: %v", err)
	}
	docs, err := c.Account(id)
	if err != nil {
		t.Fatalf("Account(%s): %v", id, err)
	}
	return docs
}

// withoutSids removes our Sids, which the article does not have.
func withoutSids(t *testing.T, ss []iam.Statement) string {
	t.Helper()
	out := iam.DocumentJSON(ss)
	for _, s := range ss {
		out = replaceOnce(out, `"Sid":"`+s.Sid+`",`, "")
	}
	return out
}

func TestTheArticle(t *testing.T) {
	docs := compile(t, articleInput(t), "111122223333")
	if len(docs.Roles) != 1 || len(docs.Users) != 1 {
		t.Fatalf("got %d roles and %d users, want one of each", len(docs.Roles), len(docs.Users))
	}
	role, user := docs.Roles[0], docs.Users[0]
	if role.Shape != ShapePair {
		t.Errorf("shape %s, want %s", role.Shape, ShapePair)
	}
	if got := withoutSids(t, role.Statements); !iam.Equal(got, articleTrust, nil) {
		t.Errorf("trust policy means\n%s\nwant\n%s", iam.Pretty(got), iam.Pretty(articleTrust))
	}
	if got := withoutSids(t, user.Statements); !iam.Equal(got, articleUser, nil) {
		t.Errorf("user policy means\n%s\nwant\n%s", iam.Pretty(got), iam.Pretty(articleUser))
	}
	if got, want := role.Size, iam.Size(role.JSON()); got != want {
		t.Errorf("size %d, want %d", got, want)
	}
	if role.Limit != 2048 {
		t.Errorf("limit %d, want 2048", role.Limit)
	}
}
