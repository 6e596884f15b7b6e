package view

import (
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// RolloutActions says what can be done to a rollout now. A nil error means yes; an error
// says why not.
type RolloutActions struct {
	ApproveWave    error
	Confirm        error
	Resume         error
	Pause          error
	Retry          error
	OverrideWindow error
	Recheck        error
	SkipQueue      error
	MaxInFlight    error
	Abort          error
	RollBack       error
}

// ActionsOf asks the rollout itself, on a copy. denied is why the reader may control no
// rollout at all, nil when they may.
func ActionsOf(r access.Rollout, denied error, now time.Time, within time.Duration) RolloutActions {
	try := func(step func(*access.Rollout) error) error {
		if denied != nil {
			return denied
		}
		c := r
		return step(&c)
	}
	// A rollout comes to this phase only where its strategy wants it confirmed.
	confirmed := &access.WaveProgress{Strategy: access.Strategy{Confirm: time.Minute}}
	return RolloutActions{
		ApproveWave: try(func(r *access.Rollout) error {
			return r.ApproveWave(&access.WaveProgress{}, access.PersonRef{}, r.Wave)
		}),
		Confirm:        try(func(r *access.Rollout) error { return r.Confirm(confirmed, access.PersonRef{}, now) }),
		Resume:         try((*access.Rollout).Resume),
		Pause:          try(func(r *access.Rollout) error { return r.Pause(now) }),
		Retry:          try((*access.Rollout).Retry),
		OverrideWindow: try(func(r *access.Rollout) error { return r.OverrideWindow(access.Actor{}, "", false) }),
		Recheck:        try((*access.Rollout).CheckAgain),
		SkipQueue:      try((*access.Rollout).SkipQueue),
		MaxInFlight:    try(func(r *access.Rollout) error { return r.SetMaxInFlight(max(r.MaxInFlight, 1)) }),
		Abort:          try(func(r *access.Rollout) error { return r.Abort("", now) }),
		RollBack:       try(func(r *access.Rollout) error { return r.CanRollBack(now, within) }),
	}
}

// Possible names the actions that are possible. A page tells its stream what it offers,
// so that a button that stays is not replaced under somebody's hand.
func (a RolloutActions) Possible() string {
	var names []string
	for _, action := range []struct {
		name string
		err  error
	}{
		{"approve_wave", a.ApproveWave},
		{"confirm", a.Confirm},
		{"resume", a.Resume},
		{"pause", a.Pause},
		{"retry", a.Retry},
		{"override_window", a.OverrideWindow},
		{"recheck", a.Recheck},
		{"skip_queue", a.SkipQueue},
		{"max_in_flight", a.MaxInFlight},
		{"abort", a.Abort},
		{"rollback", a.RollBack},
	} {
		if action.err == nil {
			names = append(names, action.name)
		}
	}
	return strings.Join(names, "-")
}

// RolloutEnded reports whether nothing more will happen to the rollout by itself.
func RolloutEnded(r access.Rollout) bool { return r.Ended() }

// RolloutTitle names a rollout: by the change it carries out, where there is one.
func RolloutTitle(r access.Rollout) string {
	if r.Title != "" {
		return r.Title
	}
	return "Revision " + number(r.Revision) + ", pushed again"
}

// rolloutSentence says in one sentence how far a rollout is, or what came of it.
func rolloutSentence(r access.Rollout) string {
	if s := leftBehindSentence(r.LeftBehind); s != "" {
		return countsSentence(r) + " " + s
	}
	return countsSentence(r)
}

// leftBehindSentence says to how many accounts a rollout cannot write, although documents of the console are there.
func leftBehindSentence(n int) string {
	if n == 0 {
		return ""
	}
	return Count(n, "account is", "accounts are") + " gone and " + verb(n, "keeps", "keep") + " " + verb(n, "its",
		"their") + " documents."
}

func countsSentence(r access.Rollout) string {
	total := r.Counts.Total()
	switch {
	case total == 0:
		return "No account needs a write."
	case r.State == access.RolloutCompleted:
		return completedSentence(r.Counts)
	default:
		return Number(r.Counts.Ended()) + " of " + Count(total, "account") + " done, " +
			Number(r.Counts.Running) + " in flight."
	}
}

func completedSentence(c access.TargetCounts) string {
	bad := c.Failed + c.Conflict
	s := Count(c.Succeeded, "account") + " written and read back"
	switch {
	case c.Unchanged > 0 && c.Succeeded+bad == 0:
		s = "Nothing to write: " + Count(c.Unchanged, "account is", "accounts are") + " as desired already"
	case c.Unchanged > 0:
		s += ", " + Number(c.Unchanged) + " already as desired"
	}
	if c.Skipped > 0 {
		s += ", " + Number(c.Skipped) + " skipped"
	}
	if bad > 0 {
		return s + ". " + Count(bad, "account") + " not as desired: see below."
	}
	return s + "."
}

// took is the time from start to end, or to now while it goes on.
func took(start, end, now time.Time) string {
	if start.IsZero() {
		return ""
	}
	if end.IsZero() {
		end = now
	}
	return Duration(end.Sub(start))
}

// documentTitle names a document for people: "Trust policy of Bob".
func documentTitle(kind access.OperationKind, r access.Resource) string {
	name := access.RoleName{Path: r.Path, Name: r.Name}.String()
	switch kind {
	case access.OpTrustPolicy:
		return "Trust policy of " + name
	case access.OpUserSidePolicy, access.OpDeleteUserSidePolicy:
		return userSideTitle(kind, r)
	case access.OpAttachments:
		return "Policies attached to " + name
	case access.OpDeleteUserPolicy:
		return access.UserPolicyName + " of " + name + ", removed"
	default:
		return access.UserPolicyName + " of " + name
	}
}

// userSideTitle names one user-side policy: "User-side policy of alice, part 2".
func userSideTitle(kind access.OperationKind, r access.Resource) string {
	user, part, _ := access.UserSideOwner(r)
	title := "User-side policy of " + user + ", part " + strconv.Itoa(part)
	if kind == access.OpDeleteUserSidePolicy {
		title += ", removed"
	}
	return title
}

// operationBefore and operationAfter are what to compare on a target's page: what was
// really there and written, and until then what the plan says.
func operationBefore(o access.Operation) string {
	if leftAsItIs(o) {
		return o.Resolution.Seen
	}
	if o.LiveBefore != "" || o.State != access.OperationPlanned && o.State != access.OperationSkipped {
		return o.LiveBefore
	}
	return o.Before
}

func operationAfter(o access.Operation) string {
	if leftAsItIs(o) {
		return o.Resolution.Seen
	}
	switch o.State {
	case access.OperationWritten:
		return o.Written
	case access.OperationUnchanged:
		return operationBefore(o)
	default:
		if o.Written != "" {
			return o.Written
		}
		return o.After
	}
}

// leftAsItIs reports whether somebody decided that a document stays as it is.
func leftAsItIs(o access.Operation) bool {
	return o.State == access.OperationSkipped && (o.Resolution.Choice == access.ConflictAdopt || o.Resolution.Choice == access.ConflictSkip)
}

// RolloutTargetsURL shows the accounts of a rollout that are in one state; "" for all.
func RolloutTargetsURL(id int64, s access.TargetState) string {
	return With(RolloutURL(id), "state", string(s))
}

// keep are the filter's own parameters, as name and value in turn.
func (f TargetFilter) keep() []string {
	wave := ""
	if f.Wave > 0 {
		wave = number(int64(f.Wave))
	}
	return []string{"state", string(f.State), "wave", wave, "class", string(f.Class), "cause", f.Cause}
}

// words say what the list is narrowed to: "failed, in wave 2 (Canaries)".
func (f TargetFilter) words(waves []access.Wave) string {
	var said []string
	if f.State != "" {
		said = append(said, words(string(f.State)))
	}
	if f.Wave > 0 {
		wave := "in wave " + Number(f.Wave)
		if f.Wave <= len(waves) {
			wave += " (" + waves[f.Wave-1].Name + ")"
		}
		said = append(said, wave)
	}
	switch {
	case f.Cause != "":
		said = append(said, "where "+f.Cause)
	case f.Class != "":
		said = append(said, strings.ToLower(className(f.Class)))
	}
	return strings.Join(said, ", ")
}

// rolloutPageURL is another page of the same targets.
func rolloutPageURL(p RolloutPage, cursor string) string {
	return With(RolloutURL(p.Rollout.ID), append(p.Filter.keep(), "q", p.Filter.Search, "cursor", cursor)...)
}

// rolloutEventsURL asks for the events of exactly the targets and waves on the page.
func rolloutEventsURL(p RolloutPage) string {
	from := ""
	if p.FromWave > 0 {
		from = number(int64(p.FromWave))
	}
	return With(RolloutEventsURL(p.Rollout.ID), append(p.Filter.keep(), "q", p.Filter.Search, "cursor", p.Cursor, "from_wave", from, "offers", p.Actions.Possible())...)
}

func targetRowID(account access.AccountID) string { return "target-" + string(account) }

func tileName(s access.TargetState) string {
	if s == "" {
		return "All"
	}
	return label(string(s))
}

// targetStory says what became of a target, or what it waits for.
func targetStory(t access.Target) string {
	if t.Message != "" {
		return t.Message
	}
	switch t.State {
	case access.TargetWaiting:
		return waitingStory(t)
	case access.TargetRunning:
		if t.Unanswered.Targets > 0 {
			return t.Unanswered.Sentence()
		}
		return "Being written"
	case access.TargetSucceeded:
		return "Written and read back"
	case access.TargetUnchanged:
		return "Was as desired already; nothing written"
	case access.TargetSkipped:
		return "Skipped"
	default:
		return ""
	}
}

// waitingStory says what a waiting target waits for. One that continues in a later pass was started before.
func waitingStory(t access.Target) string {
	switch t.Pass {
	case access.PassGrants:
		return "Continues later: waits for roles in other accounts, which its user policies open once they are verified"
	case access.PassFinal:
		return "Continues later: waits for policies of removed users, whose Deny its trust policies keep until then"
	default:
		return "Waits for its turn"
	}
}

// callsSentence says what a target cost in calls.
func callsSentence(c access.CallCount) string {
	s := Count(int(c.Calls), "call") + " to AWS, " + Number(c.Writes) + " of them writes"
	if c.Throttles > 0 {
		s += ", throttled " + Count(int(c.Throttles), "time")
	}
	return s
}
