package change_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// keptReviews are the audit events that say that reviews were kept, as from and to.
func (d *desk) keptReviews(id int64) [][2]int64 {
	d.t.Helper()
	events, err := d.store.History(d.t.Context(), access.ChangeObject(id))
	d.must(err)
	var kept [][2]int64
	for _, e := range events {
		if e.Action != "change.reviews_kept" {
			continue
		}
		var moved struct{ From, To int64 }
		d.must(json.Unmarshal(e.Detail, &moved))
		kept = append(kept, [2]int64{moved.From, moved.To})
	}
	return kept
}

func (d *desk) head() int64 {
	d.t.Helper()
	head, err := d.store.Head(d.t.Context())
	d.must(err)
	return head
}

func TestRebaseKeepsReviewsWithoutADifference(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24")))
	d.apply("Office", addEntry("al-office", "9.9.9.0/24"))
	v, err := d.View(t.Context(), d.editor, c.ID)
	if d.must(err); len(v.ChangedSince.Applied) != 1 || v.Permissions.Rebase != nil {
		t.Errorf("the page lists %d changes of others, rebase: %v; want one, and that it may be rebased",
			len(v.ChangedSince.Applied), v.Permissions.Rebase)
	}
	got, err := d.Rebase(t.Context(), d.editor, c.ID)
	d.must(err)
	if got.State != access.ChangeApproved || got.Base != c.Base+1 || got.Digest != c.Digest || got.Approvals() != 1 {
		t.Fatalf("after the rebase: %s on %d with %d approvals; want approved on %d with one",
			got.State, got.Base, got.Approvals(), c.Base+1)
	}
	if got.Reviews[0].Base != c.Base {
		t.Errorf("the review says revision %d, want %d, which the reviewer saw", got.Reviews[0].Base, c.Base)
	}
	if diff := cmp.Diff([][2]int64{{c.Base, c.Base + 1}}, d.keptReviews(c.ID)); diff != "" {
		t.Errorf("events of kept reviews (-want +got):\n%s", diff)
	}
	if _, err := d.Rebase(t.Context(), d.editor, c.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("rebase on the revision that the change is on: %v, want KindConflict", err)
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error("apply after the rebase:", err)
	}
}

func TestRebaseWithoutReviewsStaysInReview(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24"))
	d.apply("Office", addEntry("al-office", "9.9.9.0/24"))
	got, err := d.Rebase(t.Context(), d.editor, c.ID)
	if d.must(err); got.State != access.ChangeInReview || got.Base != d.head() || len(d.keptReviews(c.ID)) != 0 {
		t.Errorf("after the rebase: %s on %d; want in review on %d, and no event of reviews", got.State, got.Base, d.head())
	}
	if got = d.approve(got); got.Reviews[0].Base != d.head() {
		t.Errorf("a review after the rebase says revision %d, want %d", got.Reviews[0].Base, d.head())
	}
}

func TestApplyOnANewerRevisionKeepsReviews(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24")))
	d.apply("Office", addEntry("al-office", "9.9.9.0/24"))
	_, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	got, err := d.Change(t.Context(), d.viewer, c.ID)
	d.must(err)
	if got.Base != c.Base+1 || got.Reviews[0].Base != c.Base || got.Revision != c.Base+2 {
		t.Errorf("applied on %d as %d, reviewed on %d; want %d, %d and %d",
			got.Base, got.Revision, got.Reviews[0].Base, c.Base+1, c.Base+2, c.Base)
	}
	if diff := cmp.Diff([][2]int64{{c.Base, c.Base + 1}}, d.keptReviews(c.ID)); diff != "" {
		t.Errorf("events of kept reviews (-want +got):\n%s", diff)
	}
}

// voiding are steps of others after which the change of TestRebaseVoidsReviewsByADifference is not what its reviewers
// were shown. Only the first two change the documents after the change.
var voiding = map[string]func(d *desk){
	"documents": func(d *desk) { d.apply("VPN too", addEntry("al-vpn", "6.6.6.0/24")) },
	"a user who is gone": func(d *desk) {
		m := *addMapping("mp-admin", "Admin", "vpn", "alice").Mapping
		m.ID = "mp-admin"
		d.apply("Carol leaves", access.Edit{Op: access.EditUpdateMapping, ID: "mp-admin", Mapping: &m})
	},
	"a danger": func(d *desk) { d.apply("Few accounts are many", putSettings(access.Settings{ManyAccounts: 1})) },
	"a lock-out guard": func(d *desk) {
		d.apply("Protect", putSettings(access.Settings{BreakGlassAllowlists: []string{"al-vpn"}}))
	},
	"what a guard does": func(d *desk) {
		d.apply("Refuse", putSettings(access.Settings{Guards: access.GuardModes{OwnAddress: access.GuardRefuse}}))
	},
	"a large reach": func(d *desk) { d.apply("Few are many", putSettings(access.Settings{LargeIPv4: 16})) },
	"a document before": func(d *desk) {
		d.readAgain(`{"Version":"2012-10-17","Statement":[]}`)
		d.apply("Office", addEntry("al-office", "9.9.9.0/24"))
	},
	"a warning of the accounts": func(d *desk) {
		inv := inventory("222222222222")
		inv.Users = nil
		d.must(d.store.SaveInventory(d.t.Context(), inv))
		d.apply("Office", addEntry("al-office", "9.9.9.0/24"))
	},
}

// readAgain has another trust policy found in all accounts.
func (d *desk) readAgain(document string) {
	d.t.Helper()
	for _, id := range []access.AccountID{"111111111111", "222222222222", "333333333333"} {
		inv := inventory(id)
		for i := range inv.Roles {
			inv.Roles[i].Document = document
		}
		d.must(d.store.SaveInventory(d.t.Context(), inv))
	}
}

func TestRebaseVoidsReviewsByADifference(t *testing.T) {
	for name, others := range voiding {
		for _, step := range []string{"rebase", "apply"} {
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t)
				d.base()
				edits := []access.Edit{addEntry("al-vpn", "7.7.7.0/24"), {Op: access.EditRemoveEntry, ID: "al-vpn", Key: "8.8.8.0/24"}}
				c := d.approve(d.submit("Replace", edits...))
				others(d)
				want := access.ChangeDraft
				if step == "rebase" {
					_, err := d.Rebase(t.Context(), d.editor, c.ID)
					d.must(err)
				} else {
					want = access.ChangeConflicted
					if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
						t.Errorf("apply: %v, want KindConflict", err)
					}
				}
				got, err := d.Change(t.Context(), d.viewer, c.ID)
				d.must(err)
				if got.State != want || got.Approvals() != 0 || !got.Reviews[0].Void || len(d.keptReviews(c.ID)) != 0 {
					t.Errorf("the change is %s with %d approvals, and reviews were kept from, to %v; want %s and none",
						got.State, got.Approvals(), d.keptReviews(c.ID), want)
				}
			})
		}
	}
}

// On the reviewed revision, a document before may move: the push merges into the live document.
func TestDocumentBeforeMayMoveOnTheSameRevision(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24")))
	d.readAgain(`{"Version":"2012-10-17","Statement":[]}`)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error(err)
	}
}

func TestReviewIsBoundToWhatWasShown(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24"))
	v, err := d.View(t.Context(), d.approver, c.ID)
	if d.must(err); v.Warnings == "" {
		t.Fatal("the page has no digest of its warnings")
	}
	review := func(base int64, warnings string) error {
		_, err := d.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "", change.AsShown(base, warnings))
		return err
	}
	for name, err := range map[string]error{"another base": review(v.Base+1, v.Warnings), "other warnings": review(v.Base, c.Digest)} {
		if access.KindOf(err) != access.KindConflict {
			t.Errorf("a review of a page with %s: %v, want KindConflict", name, err)
		}
	}
	d.must(review(v.Base, v.Warnings))
	got, err := d.Change(t.Context(), d.viewer, c.ID)
	if d.must(err); got.Reviews[0].Base != v.Base || got.Reviews[0].Warnings != v.Warnings {
		t.Errorf("the review says %d and %q, want %d and %q", got.Reviews[0].Base, got.Reviews[0].Warnings, v.Base, v.Warnings)
	}
}

// TestRebaseProperty lets others apply random changes between a review and a rebase: reviews are kept if and only if
// the page of the change shows the same before and after.
func TestRebaseProperty(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("More", addList("al-home", "home", "5.5.5.0/24"), addMapping("mp-home", "Admin", "home", "alice"),
		addRule("rr-many", access.RuleScope{Dangers: []access.Danger{access.DangerManyAccounts}}, one()))
	random := rand.New(rand.NewPCG(7, 11))
	kept, voided := 0, 0
	for n := range 24 {
		c := d.approve(d.submit("Subject", addEntry("al-vpn", fmt.Sprintf("7.7.%d.0/24", n))))
		shown := d.shown(c.ID)
		for range 1 + random.IntN(2) {
			d.step(random, n)
		}
		got, err := d.Rebase(t.Context(), d.editor, c.ID)
		d.must(err)
		diff := cmp.Diff(shown, d.shown(c.ID), cmp.AllowUnexported(access.Page[int]{}), cmpopts.EquateEmpty(),
			cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
		switch same := got.State == access.ChangeApproved && got.Approvals() == 1; {
		case same && diff != "":
			t.Fatalf("round %d: reviews were kept, and the page is another (-was +is):\n%s", n, diff)
		case !same && diff == "":
			t.Fatalf("round %d: the page is the same, and the change is %s with %d approvals", n, got.State, got.Approvals())
		case same:
			kept++
		default:
			voided++
		}
		_, err = d.Withdraw(t.Context(), d.editor, c.ID)
		d.must(err)
	}
	if kept < 3 || voided < 3 {
		t.Errorf("%d rebases kept reviews and %d voided them: the test does not try both", kept, voided)
	}
}

// step has another change applied, of a random kind.
func (d *desk) step(random *rand.Rand, n int) {
	d.t.Helper()
	key := fmt.Sprintf("9.%d.%d.0/24", random.IntN(200), n)
	settings := access.Settings{ManyAccounts: []int{1, 50}[random.IntN(2)], LargeIPv4: []int64{16, 1 << 20}[random.IntN(2)]}
	steps := [][]access.Edit{
		{addEntry("al-office", key)},
		{addEntry("al-office", key)},
		{addEntry("al-vpn", key)},
		{addEntry("al-home", key)},
		{putSettings(settings)},
		{addList(fmt.Sprintf("al-new-%d-%d", n, random.Int()), fmt.Sprintf("new-%d-%d", n, random.IntN(1<<30)))},
	}
	d.apply("Others", steps[random.IntN(len(steps))]...)
}

// shown is everything on the page of a change that follows from its base.
func (d *desk) shown(id int64) any {
	d.t.Helper()
	v, err := d.View(d.t.Context(), d.viewer, id)
	d.must(err)
	plan, err := d.Plan(d.t.Context(), d.viewer, id)
	d.must(err)
	if v.Problem != "" {
		d.t.Fatal(v.Problem)
	}
	dangers := func() (found []string) {
		for _, n := range v.Needs {
			found = append(found, n.Why)
		}
		return found
	}
	return []any{v.Edits, v.Diff, v.Impact, v.Issues, v.Cleared, v.Guards, v.Folded, slices.Collect(plan.Targets()), dangers()}
}
