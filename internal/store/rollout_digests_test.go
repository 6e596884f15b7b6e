package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// A claim comes with the digest of its operations from when the rollout was made. Nothing that a rollout records about
// an operation is under it.
func TestClaimHasTheDigestOfItsOperations(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 2, 0)
	digests := digestsOf(t, s, r.ChangeID)
	for i := range 2 {
		c := claim(t, s, r, accountID(i))
		if c.Digest == "" || c.Digest != digests[accountID(i)] || c.Digest != c.OperationsDigest() {
			t.Errorf("account %d: stored %q, planned %q, claimed %q; want three times the same", i, c.Digest, digests[accountID(i)], c.OperationsDigest())
		}
	}
	recorded := `UPDATE operations SET state = 'conflict', message = 'x', live_before = before_doc, written = after_doc, found_doc = before_doc,
		intended_at = now(), ended_at = now(), resolution = 'overwrite', resolved_doc = before_doc, resolver_name = 'x', resolved_at = now()`
	for _, sql := range []string{recorded, "UPDATE targets SET lease_until = clock_timestamp() - interval '1 second'"} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if c := claim(t, s, r, accountID(0)); c.Digest != c.OperationsDigest() {
		t.Error("what a rollout records about an operation changes the digest")
	}
}

func TestApplyNeedsADigestForEachTarget(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(2))
	digests := digestsOf(t, s, c.ID)
	delete(digests, accountID(1))
	_, err := s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
		made := access.Application{Rollout: access.Rollout{MaxInFlight: 1, StartedBy: operator.Ref()}, Digests: digests}
		return made, c.Apply(c.Digest, head+1, t0)
	})
	if err == nil {
		t.Fatal("applied with a target that no worker could check")
	}
	wantText(t, err.Error(), "1 of them have a digest")
}
