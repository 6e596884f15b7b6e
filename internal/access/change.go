package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ChangeState is where a change is on its way. The package documentation draws it.
type ChangeState string

// The states of a change.
const (
	ChangeDraft      ChangeState = "draft"
	ChangeInReview   ChangeState = "in_review"
	ChangeApproved   ChangeState = "approved"
	ChangeApplied    ChangeState = "applied"
	ChangeRejected   ChangeState = "rejected"
	ChangeWithdrawn  ChangeState = "withdrawn"
	ChangeConflicted ChangeState = "conflicted"
	ChangeExpiring   ChangeState = "expiring" // composed by the console, waits for entries to expire
)

// Change is a request to edit the desired state. Version counts every saved step, so
// that two people who edit at once do not overwrite each other. Digest is set while the
// change is in review or later: it is what a review binds to.
type Change struct {
	ID        int64
	Title     string
	Reason    string
	State     ChangeState
	Author    PersonRef
	Editors   []PersonRef // everybody else who edited it
	Writers   []int64     // accounts that counted together with author or editors when they wrote
	Base      int64       // the revision it was composed on
	Edits     []Edit
	Version   int64
	Digest    string
	Documents string   // digest of the plan alone
	Required  int      // people needed for the approval, at least
	Needs     []Need   // what the review rules ask for; set when it is submitted
	Dangers   []Danger // why stricter rules may apply; set when it is submitted
	Reviews   []Review

	GuardOverrides []GuardOverride // of what lock-out guards have found
	BreakGlass     *BreakGlass     // set when it was applied by one person alone
	ClonedFrom     int64           // the change that it repeats
	Reverts        int64           // the change that it undoes
	Expiry         *Expiry         // set when the console composed it
	Schedule       *Schedule       // when it is to be applied; nil for when somebody does

	EmergencyUntil time.Time // when the last emergency entry of its edits ends; zero if there is none

	ApprovalsValidFor time.Duration // by the settings at present, each time that the change is read; 0 for the default

	Groups      Groups // of all people, each time that the change is read
	Voided      int    // how many reviews the edit just made has voided; not kept
	Note        string // why it is rejected or conflicted
	Revision    int64  // the revision it became
	RolloutID   int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	SubmittedAt time.Time
	AppliedAt   time.Time
}

// Verdict is what a review says.
type Verdict string

// The verdicts.
const (
	VerdictApprove Verdict = "approve"
	VerdictReject  Verdict = "reject"
)

// Review is one person's verdict on a change as it was: Digest says on what exactly, Base is the revision that the
// reviewer saw the change on, and Warnings the digest of the warnings that were shown with it. A
// void review stays in the history and counts no more. Standing is what the reviewer is
// now, each time that the change is read.
type Review struct {
	ID       int64
	Reviewer PersonRef
	Verdict  Verdict
	Digest   string
	Base     int64
	Warnings string // "" if they could not be worked out: then no rebase keeps the review
	Comment  string
	At       time.Time
	Void     bool
	Because  VoidReason // set if the review is void
	Standing Standing
	With     []int64 // accounts that counted together with the reviewer at that time
}

// The longest texts of a change.
const (
	MaxTitle  = 120
	MaxReason = 2000
)

// ChangeDigest is the digest a review binds to: the edits, and the digest of every document of the plan and their
// order. The base revision is no part of it: what a base changes for a reviewer shows in the documents or in the
// warnings (ChangeOnBase).
func ChangeDigest(edits []Edit, documents string) (string, error) {
	body, err := json.Marshal(struct {
		Edits     []Edit
		Documents string
	}{edits, documents})
	if err != nil {
		return "", fmt.Errorf("encoding the edits: %w", err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// Compose replaces title, reason and edits. It sends the change back to draft and voids
// its reviews; voided tells how many. version is what the editor had read.
func (c *Change) Compose(actor Actor, version int64, title, reason string, edits []Edit, at time.Time) (voided int, err error) {
	if err := c.CheckVersion(version, "repeat your edit"); err != nil {
		return 0, err
	}
	switch c.State {
	case ChangeDraft, ChangeInReview, ChangeApproved, ChangeConflicted:
	default:
		return 0, c.refuse("edited")
	}
	if err := checkTexts(title, reason); err != nil {
		return 0, err
	}
	confirmed := c.GuardOverrides
	if !sameEdits(c.Edits, edits) {
		confirmed = nil
	}
	c.Title, c.Reason, c.Edits = strings.TrimSpace(title), strings.TrimSpace(reason), edits
	c.EmergencyUntil = EmergencyUntil(edits)
	c.noteEditor(actor)
	voided = c.backToDraft(at)
	c.Voided, c.GuardOverrides = voided, confirmed
	return voided, nil
}

// sameEdits compares what is stored of edits.
func sameEdits(a, b []Edit) bool {
	if len(a) != len(b) {
		return false
	}
	was, err1 := json.Marshal(a)
	is, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(was) == string(is)
}

func checkTexts(title, reason string) error {
	var fields []FieldError
	if len(title) > MaxTitle {
		fields = append(fields, FieldError{"title", fmt.Sprintf("the title has %d characters; at most %d are kept", len(title), MaxTitle)})
	}
	if len(reason) > MaxReason {
		fields = append(fields, FieldError{"reason", fmt.Sprintf("the reason has %d characters; at most %d are kept", len(reason), MaxReason)})
	}
	return InvalidFields(fields)
}

// WritersBut are the people whose edits the change holds, without one of them: the
// person who repeats it becomes the author, and the others are among its editors.
func (c *Change) WritersBut(actor Actor) []PersonRef {
	var who []PersonRef
	for _, p := range append([]PersonRef{c.Author}, c.Editors...) {
		if p.ID != 0 && !actor.Is(p) {
			who = append(who, p)
		}
	}
	return who
}

func (c *Change) noteEditor(actor Actor) {
	c.NoteWriter(actor.PersonID)
	known := func(p PersonRef) bool { return actor.Is(p) }
	if !known(c.Author) && !slices.ContainsFunc(c.Editors, known) {
		c.Editors = append(c.Editors, actor.Ref())
	}
}

func (c *Change) backToDraft(at time.Time) (voided int) {
	for i := range c.Reviews {
		if !c.Reviews[i].Void {
			c.Reviews[i].end(VoidChanged)
			voided++
		}
	}
	if c.State != ChangeConflicted {
		c.State = ChangeDraft
	}
	c.Digest, c.Documents, c.Needs, c.Dangers, c.GuardOverrides = "", "", nil, nil, nil
	c.touch(at)
	return voided
}

func (c *Change) touch(at time.Time) {
	c.Version++
	c.UpdatedAt = at
}

// Submit puts a draft into review with the digests of its plan.
func (c *Change) Submit(documents string, at time.Time) error {
	if c.State != ChangeDraft {
		return c.refuse("submitted")
	}
	var fields []FieldError
	if strings.TrimSpace(c.Title) == "" {
		fields = append(fields, FieldError{"title", "give the change a title"})
	}
	if strings.TrimSpace(c.Reason) == "" {
		fields = append(fields, FieldError{"reason", "say why the change is needed; the reviewer and the auditor read it"})
	}
	if len(c.Edits) == 0 {
		fields = append(fields, FieldError{"edits", "the change is empty: edit an allowlist or a mapping first"})
	}
	if err := InvalidFields(fields); err != nil {
		return err
	}
	digest, err := ChangeDigest(c.Edits, documents)
	if err != nil {
		return err
	}
	c.Digest, c.Documents = digest, documents
	c.State, c.SubmittedAt = ChangeInReview, at
	c.touch(at)
	return nil
}

// CanReview says whether an actor may review the change, and if not, why.
func (c *Change) CanReview(actor Actor) error {
	if c.State != ChangeInReview && !c.Flagged() {
		return c.refuse("reviewed")
	}
	if actor.Kind == ActorSystem {
		return Errorf(KindForbidden, "Only people review changes.")
	}
	if actor.Is(c.Author) || slices.ContainsFunc(c.Editors, actor.Is) {
		return Errorf(KindForbidden, "You wrote or edited this change, or the one that it repeats, so somebody else has to review it.")
	}
	if c.BreakGlass != nil && actor.Is(c.BreakGlass.By) {
		return Errorf(KindForbidden, "You applied this change alone, so somebody else has to review it.")
	}
	return c.refuseWriters(actor)
}

// Review adds a verdict on the digest that the reviewer saw. Enough approvals make the
// change approved; one rejection rejects it.
func (c *Change) Review(actor Actor, verdict Verdict, digest, comment string, at time.Time) error {
	if err := c.CanReview(actor); err != nil {
		return err
	}
	if digest != c.Digest {
		return errOtherDigest("decide")
	}
	if slices.ContainsFunc(c.Reviews, func(r Review) bool { return !r.Void && actor.Is(r.Reviewer) }) {
		return Errorf(KindConflict, "You have reviewed this change already.")
	}
	switch {
	case verdict == VerdictApprove:
	case verdict == VerdictReject && strings.TrimSpace(comment) == "":
		return Invalid("comment", "say why you reject the change, so that its author knows what to do")
	case verdict != VerdictReject:
		return Invalid("verdict", "a verdict is approve or reject")
	}
	if len(comment) > MaxReason {
		return Invalid("comment", "the comment has %d characters; at most %d are kept", len(comment), MaxReason)
	}
	c.Reviews = append(c.Reviews, Review{
		Reviewer: actor.Ref(), Verdict: verdict, Digest: digest, Base: c.Base,
		Comment: strings.TrimSpace(comment), At: at, Standing: actor.Standing(), With: c.Groups.With(actor.PersonID),
	})
	switch {
	case c.Flagged():
		c.BreakGlass.Reviewed = at
	case verdict == VerdictReject:
		c.State, c.Note = ChangeRejected, strings.TrimSpace(comment)
	case len(c.Missing()) == 0:
		c.State = ChangeApproved
	}
	c.touch(at)
	return nil
}

// Approvals counts the approvals that are valid.
func (c *Change) Approvals() int { return len(c.countedApprovers()) }

// Missing returns what the valid reviews leave open, need by need.
func (c *Change) Missing() []Need {
	needs := c.Needs
	if len(needs) == 0 {
		needs = []Need{DefaultNeed()}
		needs[0].Need[0].Count = max(c.Required, 1)
	}
	var open []Need
	for _, n := range needs {
		if left := n.Missing(c.countedApprovers()); len(left) > 0 {
			n.Need = left
			open = append(open, n)
		}
	}
	return open
}

// MissingText says in words what reviews are missing.
func (c *Change) MissingText() string {
	var words []string
	for _, n := range c.Missing() {
		for _, r := range n.Need {
			if w := r.String(); !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	return strings.Join(words, ", and ")
}

// SetNeeds keeps what the review rules ask for.
func (c *Change) SetNeeds(needs []Need) {
	c.Needs, c.Required = needs, 1
	for _, n := range needs {
		c.Required = max(c.Required, n.People())
	}
}

// Reassess asks again whether an approved change is approved, by rules and by reviewers
// as they are now. If it is not, it goes back into review, and Reassess reports true.
func (c *Change) Reassess(needs []Need, at time.Time) bool {
	c.SetNeeds(needs)
	if c.State != ChangeApproved || len(c.Missing()) == 0 {
		return false
	}
	c.State = ChangeInReview
	c.touch(at)
	return true
}

// Apply makes an approved change part of the desired state, as a revision.
func (c *Change) Apply(digest string, revision int64, at time.Time) error {
	switch {
	case c.State != ChangeApproved:
		return c.refuse("applied")
	case digest != c.Digest:
		return errOtherDigest("apply it")
	case len(c.Missing()) > 0:
		return Errorf(KindConflict, "The change does not have the approvals it needs. It lacks %s.", c.MissingText())
	}
	c.State, c.Revision, c.AppliedAt = ChangeApplied, revision, at
	c.touch(at)
	return nil
}

// Conflict marks a change whose base the desired state has moved away from. Its reviews
// are void.
func (c *Change) Conflict(note string, at time.Time) error {
	switch c.State {
	case ChangeDraft, ChangeInReview, ChangeApproved:
	default:
		return c.refuse("marked as conflicted")
	}
	c.State, c.Note = ChangeConflicted, note
	c.backToDraft(at)
	return nil
}

// Withdraw ends the change before it is applied. Only its author or an admin may.
func (c *Change) Withdraw(actor Actor, at time.Time) error {
	switch c.State {
	case ChangeApplied, ChangeRejected, ChangeWithdrawn, ChangeExpiring:
		return c.refuse("withdrawn")
	}
	if !actor.Is(c.Author) && !actor.IsAdmin() {
		return Errorf(KindForbidden, "Only %s, who wrote the change, or an admin can withdraw it.", c.Author.Name)
	}
	c.State = ChangeWithdrawn
	c.touch(at)
	return nil
}

func (c *Change) refuse(verb string) error {
	return Errorf(KindConflict, "A change that is %s cannot be %s.", strings.ReplaceAll(string(c.State), "_", " "), verb)
}

// Open reports whether people can still make something of the change. What expires goes
// its way without them.
func (c *Change) Open() bool {
	return c.State != ChangeApplied && c.State != ChangeRejected && c.State != ChangeWithdrawn && c.State != ChangeExpiring
}
