package store_test

import (
	"fmt"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestFindingsThatSayTheSameAreAGroup(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 4)
	for i := range 4 {
		id := accountID(i)
		f := foundIn(id, "Vendor", fmt.Sprintf(`{"n":%d}`, i))
		f.Sentence = fmt.Sprintf("Statement Vendor lets arn:aws:iam::%s:root into Bob of %s (team-%03d).", id, id, i)
		found := []access.Finding{f}
		if i == 0 {
			found = append(found, foundIn(id, "Another", "{}"))
		}
		must[access.ScanOutcome](t)(s.SaveScan(t.Context(), scanOf(id, t0, found...), silent))
	}
	first := must[access.Page[access.FindingGroup]](t)(s.FindingGroups(t.Context(), access.FindingQuery{PageQuery: access.PageQuery{Limit: 1}}))
	second := must[access.Page[access.FindingGroup]](t)(s.FindingGroups(t.Context(), access.FindingQuery{PageQuery: access.PageQuery{Limit: 1, Cursor: first.Next}}))
	if len(first.Items) != 1 || len(second.Items) != 1 || second.Next != "" {
		t.Fatalf("pages of groups %+v and %+v, want one group on each", first, second)
	}
	g := first.Items[0]
	if g.Findings != 4 || g.Accounts != 4 || g.Newest.Account != accountID(3) || g.Sentence() != "Statement Vendor lets arn:aws:iam::…:root into Bob of …." {
		t.Errorf("the group of four is %+v and says %q", g, g.Sentence())
	}
	if one := second.Items[0]; one.Findings != 1 || one.Newest.Subject != "Another" || one.Sentence() != one.Newest.Sentence {
		t.Errorf("the one that is alone is %+v", one)
	}
	query := access.FindingQuery{Group: g.Group}
	members := must[access.Page[access.Finding]](t)(s.Findings(t.Context(), query))
	if len(members.Items) != 4 {
		t.Errorf("%d findings are of the group, want four", len(members.Items))
	}

	selection := must[access.FindingSelection](t)(s.SelectFindings(t.Context(), query))
	if selection.Count != 4 || selection.Fingerprint == "" {
		t.Fatalf("selected %+v", selection)
	}
	acknowledge := func(c access.FindingChoice) (int, error) {
		return s.UpdateFindings(t.Context(), c, func(found []access.Finding) ([]access.AuditEvent, error) {
			return nil, c.Acknowledge(found, operator, t0, "known")
		})
	}
	one := access.FindingChoice{Digests: map[int64]string{members.Items[2].ID: members.Items[2].Digest()}}
	if n, err := acknowledge(one); err != nil || n != 1 {
		t.Fatalf("acknowledging one of them: %d, %v", n, err)
	}
	if _, err := acknowledge(access.FindingChoice{Query: query, Fingerprint: selection.Fingerprint}); access.KindOf(err) != access.KindConflict {
		t.Errorf("acknowledging what matched before: %v, want KindConflict", err)
	}
	missing := access.FindingChoice{Digests: map[int64]string{members.Items[0].ID: members.Items[0].Digest(), 999999: "x"}}
	if _, err := acknowledge(missing); access.KindOf(err) != access.KindNotFound {
		t.Errorf("acknowledging one that is not there: %v, want KindNotFound", err)
	}
	stale := access.FindingChoice{Digests: map[int64]string{members.Items[0].ID: members.Items[0].Digest(), members.Items[1].ID: "another"}}
	if _, err := acknowledge(stale); access.KindOf(err) != access.KindConflict {
		t.Errorf("acknowledging what looks different: %v, want KindConflict", err)
	}
	if now := must[access.FindingSelection](t)(s.SelectFindings(t.Context(), query)); now.Count != 3 {
		t.Errorf("%d are open, want three: those that were refused are acknowledged in no part", now.Count)
	}
	now := must[access.FindingSelection](t)(s.SelectFindings(t.Context(), query))
	if n, err := acknowledge(access.FindingChoice{Query: query, Fingerprint: now.Fingerprint}); err != nil || n != 3 {
		t.Errorf("acknowledging all that are left: %d, %v", n, err)
	}
	if counts := must[access.FindingCounts](t)(s.FindingCounts(t.Context())); counts.Total() != 1 {
		t.Errorf("%v are open, want the other one", counts)
	}
}
