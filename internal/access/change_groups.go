package access

import "slices"

// A change counts groups, not people. The reviewer must not be in the group of the author, an editor, or a person who
// applied it alone; two reviewers of one group count once. Groups count as they are now and as they were when the
// person wrote or reviewed: a vouching that comes later does not make two humans of one in hindsight.

// NoteWriter keeps who counts together now with a person who writes the change or applies it alone.
func (c *Change) NoteWriter(id int64) {
	for _, with := range c.Groups.With(id) {
		if !slices.Contains(c.Writers, with) {
			c.Writers = append(c.Writers, with)
		}
	}
}

// writers are the accounts of those whose own review does not count.
func (c *Change) writers() []int64 {
	all := append([]int64{c.Author.ID}, c.Writers...)
	for _, p := range c.Editors {
		all = append(all, p.ID)
	}
	if c.BreakGlass != nil {
		all = append(all, c.BreakGlass.By.ID)
	}
	return all
}

// together reports whether one human may hold an account of each list.
func (g Groups) together(some, others []int64) bool {
	return slices.ContainsFunc(some, func(a int64) bool {
		return slices.ContainsFunc(others, func(b int64) bool { return g.Together(a, b) })
	})
}

// refuseWriters refuses a reviewer who counts together with a writer of the change.
func (c *Change) refuseWriters(actor Actor) error {
	mine := []int64{actor.PersonID}
	for _, p := range append([]PersonRef{c.Author}, c.Editors...) {
		if c.Groups.Together(actor.PersonID, p.ID) {
			return Errorf(KindForbidden, "Your review does not count: you and %s, who wrote or edited this change, count "+
				"together (%s). An admin of another group must vouch for one of you first.", p.Name, c.Groups.because(actor.PersonID))
		}
	}
	if !c.Groups.together(mine, c.writers()) {
		return nil
	}
	return Errorf(KindForbidden, "Your review does not count: you count together with a person who applied this change "+
		"alone, or who counted together with its author or an editor when they wrote it.")
}

// WrittenBy reports whether an actor, or an account that counts together with theirs, wrote or edited the change.
func (c *Change) WrittenBy(actor Actor) bool {
	return actor.Kind != ActorSystem && c.Groups.together([]int64{actor.PersonID}, c.writers())
}

// countedApprovers are the approvers whose verdict counts now, one for each group, with the roles and teams of all
// its approvers.
func (c *Change) countedApprovers() []Standing {
	var who []Standing
	var accounts [][]int64
	for _, r := range c.Reviews {
		if c.Uncounted(r) != "" {
			continue
		}
		mine := append([]int64{r.Reviewer.ID}, r.With...)
		i := slices.IndexFunc(accounts, func(others []int64) bool { return c.Groups.together(mine, others) })
		if i < 0 {
			who, accounts = append(who, r.Standing), append(accounts, mine)
			continue
		}
		who[i] = who[i].merge(r.Standing)
		accounts[i] = append(accounts[i], mine...)
	}
	return who
}

// Uncounted says why a review is no approval that counts; "" if it counts.
func (c *Change) Uncounted(r Review) string {
	switch {
	case r.Void && r.Because == VoidTakenBack:
		return r.Reviewer.Name + " took it back"
	case r.Void && r.Because == VoidExpired:
		return "it has expired"
	case r.Void || r.Digest != c.Digest:
		return "the change was edited since"
	case r.Verdict != VerdictApprove:
		return "it is no approval"
	case !r.Standing.MayReview():
		return r.Reviewer.Name + " is no longer an approver"
	case c.Groups.together(append([]int64{r.Reviewer.ID}, r.With...), c.writers()):
		return r.Reviewer.Name + " counts together with a person who wrote the change"
	default:
		return ""
	}
}

// Repeats names the earlier reviewer of the same group, with whom the review counts once; "" if there is none.
func (c *Change) Repeats(r Review) string {
	for _, earlier := range c.Reviews {
		if earlier.Reviewer.ID == r.Reviewer.ID {
			return ""
		}
		mine, theirs := append([]int64{r.Reviewer.ID}, r.With...), append([]int64{earlier.Reviewer.ID}, earlier.With...)
		if c.Uncounted(earlier) == "" && c.Groups.together(mine, theirs) {
			return earlier.Reviewer.Name
		}
	}
	return ""
}

// NotCounted says why an approval that is not void does not count, or counts once with another; "" if it counts.
func (c *Change) NotCounted(r Review) string {
	if r.Void || r.Verdict != VerdictApprove {
		return ""
	}
	if why := c.Uncounted(r); why != "" {
		return "This approval does not count: " + why + "."
	}
	if earlier := c.Repeats(r); earlier != "" {
		return "This approval and that of " + earlier + " count once: " + r.Reviewer.Name + " and " + earlier + " count together."
	}
	return ""
}
