package aws_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// BenchmarkPush is what one account costs the processor, on both sides of the wire:
// one session, one sweep, three trust policies, five user policies, one sweep.
func BenchmarkPush(b *testing.B) {
	w := newWorld(b, sandbox.Config{Accounts: 400})
	accounts := w.org.Accounts()[8:]
	resources := []access.Resource{role("Admin"), role("Bob"), role("Deploy"), user("alice"), user("bob"), user("carol"), user("dave"), user("erin")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a := access.Account{ID: accounts[i%len(accounts)].ID}
		sc := scope(a, resources...)
		if _, err := w.Read(b.Context(), sc, resources); err != nil {
			b.Fatal(err)
		}
		for _, r := range resources {
			wr := access.Write{Resource: r, Document: userSidePolicy(a.ID, "alice")}
			if r.Kind == access.ResourceUser {
				wr.Document = mayAssume(a.ID, "Bob")
			}
			if err := w.Write(b.Context(), sc, wr); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Read(b.Context(), sc, resources); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOrganization reads an organization of ten thousand accounts with their tags.
func BenchmarkOrganization(b *testing.B) {
	w := newWorld(b, sandbox.Config{Accounts: 10_000})
	for b.Loop() {
		org, err := w.Organization(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if got, want := len(org.Accounts), 10_000; got != want {
			b.Fatalf("accounts: got %d, want %d", got, want)
		}
	}
}
