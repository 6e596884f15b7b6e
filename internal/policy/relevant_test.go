package policy

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
)

// Documents of some accounts are the same when only the state relevant to them is
// compiled; and where that names no user of another account, also without the other
// accounts.
func TestStateRelevantToAccountsCompilesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := accesstest.DrawState(t)
		r := drawRequest(t)
		accounts := []access.Account{accountWith(r.RoleAccount)}
		if r.Principal.Account != r.RoleAccount {
			accounts = append(accounts, accountWith(r.Principal.Account))
		}
		relevant := s.RelevantTo(accounts)
		if len(relevant.Mappings) > len(s.Mappings) {
			t.Fatalf("%d relevant mappings, of %d", len(relevant.Mappings), len(s.Mappings))
		}
		less := inputOf(relevant)
		if !slices.ContainsFunc(relevant.Mappings, func(m access.Mapping) bool {
			return slices.ContainsFunc(m.Users, func(u access.UserName) bool { return u.Account != "" })
		}) {
			less.Accounts = slices.DeleteFunc(less.Accounts, func(a access.Account) bool {
				return !slices.ContainsFunc(accounts, func(kept access.Account) bool { return kept.ID == a.ID })
			})
		}
		want, got := mustCompiler(t, inputOf(s)), mustCompiler(t, less)
		for _, a := range accounts {
			wantDocs, wantErr := want.Account(a.ID)
			gotDocs, gotErr := got.Account(a.ID)
			if access.MessageOf(wantErr) != access.MessageOf(gotErr) {
				t.Fatalf("account %s: %v, want %v", a.ID, gotErr, wantErr)
			}
			if d := cmp.Diff(documentsText(wantDocs), documentsText(gotDocs)); d != "" {
				t.Fatalf("account %s (-whole +relevant):\n%s", a.ID, d)
			}
		}
		wantAnswer, wantErr := want.Explain(r)
		gotAnswer, gotErr := got.Explain(r)
		if d := cmp.Diff(wantAnswer, gotAnswer); d != "" || access.MessageOf(wantErr) != access.MessageOf(gotErr) {
			t.Fatalf("explained (-whole +relevant):\n%s %v, want %v", d, gotErr, wantErr)
		}
	})
}

func accountWith(id access.AccountID) access.Account {
	if i := slices.IndexFunc(accesstest.Accounts, func(a access.Account) bool { return a.ID == id }); i >= 0 {
		return accesstest.Accounts[i]
	}
	return access.Account{ID: id}
}

func documentsText(docs Documents) []string {
	var out []string
	for _, d := range append(slices.Clone(docs.Roles), docs.Users...) {
		out = append(out, d.Resource.String()+" "+d.JSON())
	}
	for _, g := range docs.UserSide {
		for _, p := range g.Policies {
			out = append(out, g.User.String()+" "+p.JSON())
		}
	}
	return out
}
