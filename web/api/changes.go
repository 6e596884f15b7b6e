package api

import (
	"context"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/web/transport"
)

// apiChangeReader reads changes.
type apiChangeReader interface {
	Changes(ctx context.Context, actor access.Actor, q access.ChangeQuery) (access.Page[access.Change], error)
	Change(ctx context.Context, actor access.Actor, id int64) (access.Change, error)
	View(ctx context.Context, actor access.Actor, id int64) (change.View, error)
	Plan(ctx context.Context, actor access.Actor, id int64) (access.Plan, error)
	Since(ctx context.Context, actor access.Actor, id int64) (change.Since, error)
	Comments(ctx context.Context, actor access.Actor, id int64) ([]access.Comment, error)
}

// apiChangeEditor edits changes and takes them from state to state.
type apiChangeEditor interface {
	Propose(ctx context.Context, actor access.Actor, on int64, p change.Proposal) (access.Change, error)
	Revise(ctx context.Context, actor access.Actor, id, version int64, p change.Proposal) (access.Change, error)
	Submit(ctx context.Context, actor access.Actor, id, version int64, options ...change.Option) (access.Change, error)
	Withdraw(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Rebase(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Clone(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
}

// apiChangeReviewer records verdicts and comments.
type apiChangeReviewer interface {
	Review(ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, digest, comment string, options ...change.Option) (access.Change, error)
	Comment(ctx context.Context, actor access.Actor, id int64, body string, options ...change.Option) (access.Comment, error)
}

// apiScheduler applies a change by a strategy, which is named; "" is the default.
type apiScheduler interface {
	ApplyBy(ctx context.Context, actor access.Actor, id int64, digest, strategy string, options ...change.Option) (access.Rollout, error)
	ScheduleBy(ctx context.Context, actor access.Actor, id int64, digest string, when time.Time, window time.Duration, strategy string, options ...change.Option) (access.Change, error)
	CancelSchedule(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
}

// changeAPI answers about changes and acts on them.
type changeAPI struct {
	*apiBase
	reader    apiChangeReader
	editor    apiChangeEditor
	reviewer  apiChangeReviewer
	scheduler apiScheduler
}

func (s *changeAPI) apiChanges(r apiRequest) (any, error) {
	q := access.ChangeQuery{States: transport.States(r.query, "state", changeStates), Author: r.query.Number("author", 0), PageQuery: r.query.Page()}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	changes, err := s.reader.Changes(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(changes, toAPIChange), nil
}

// apiChange answers one change. Its ETag is its version.
func (s *changeAPI) apiChange(r apiRequest) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	view, err := s.reader.View(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", transport.VersionTag(view.Version))
	detail := toAPIChangeDetail(view.Change)
	detail.Targets, detail.Writes, detail.Problem = &view.Targets, &view.Writes, view.Problem
	detail.Guards, detail.Since = convertAll(view.Guards, toAPIGuard), toAPISince(view.Since)
	return detail, nil
}

// apiChangePlan answers the plan of a change: all of it, or one account's part.
func (s *changeAPI) apiChangePlan(r apiRequest) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	plan, err := s.reader.Plan(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	if account := r.query.Text("account"); account != "" {
		plan = plan.Of(access.AccountID(account))
	}
	return planAnswer{change: id, plan: plan}, nil
}

var changeStates = []access.ChangeState{
	access.ChangeDraft, access.ChangeInReview, access.ChangeApproved, access.ChangeApplied,
	access.ChangeRejected, access.ChangeWithdrawn, access.ChangeConflicted, access.ChangeExpiring,
}
