package api

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// ChangeReader reads changes.
type ChangeReader interface {
	Changes(ctx context.Context, actor access.Actor, q access.ChangeQuery) (access.Page[access.Change], error)
	Change(ctx context.Context, actor access.Actor, id int64) (access.Change, error)
	View(ctx context.Context, actor access.Actor, id int64) (change.View, error)
	Plan(ctx context.Context, actor access.Actor, id int64) (access.Plan, error)
	ChangedSince(ctx context.Context, actor access.Actor, id int64) (access.ChangedSince, error)
	Comments(ctx context.Context, actor access.Actor, id int64) ([]access.Comment, error)
	transport.HandUndoer
}

// ChangeEditor edits changes and takes them from state to state.
type ChangeEditor interface {
	Propose(ctx context.Context, actor access.Actor, on int64, p change.Proposal) (access.Change, error)
	Revise(ctx context.Context, actor access.Actor, id, version int64, p change.Proposal) (access.Change, error)
	Submit(ctx context.Context, actor access.Actor, id, version int64, options ...change.Option) (access.Change, error)
	Withdraw(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Rebase(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Clone(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Revert(ctx context.Context, actor access.Actor, id int64, reason string, options ...change.Option) (access.Change, error)
}

// ChangeReviewer records verdicts and comments.
type ChangeReviewer interface {
	Review(ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, digest, comment string, options ...change.Option) (access.Change, error)
	Comment(ctx context.Context, actor access.Actor, id int64, body string, options ...change.Option) (access.Comment, error)
	WithdrawReview(
		ctx context.Context, actor access.Actor, id int64, options ...change.Option,
	) (access.Change, error)
}

// Scheduler applies a change by a strategy, which is named; "" is the default.
type Scheduler interface {
	Apply(
		ctx context.Context, actor access.Actor, id int64, r change.ApplyRequest, options ...change.Option,
	) (access.Rollout, error)
	Schedule(
		ctx context.Context, actor access.Actor, id int64, r change.ScheduleRequest, options ...change.Option,
	) (access.Change, error)
	CancelSchedule(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
}

// changeAPI answers about changes and acts on them.
type changeAPI struct {
	reader    ChangeReader
	editor    ChangeEditor
	reviewer  ChangeReviewer
	scheduler Scheduler
}

func (s *changeAPI) list(r request) (any, error) {
	q := access.ChangeQuery{States: transport.States(r.query, "state", changeStates), Author: r.query.Number("author", 0), PageQuery: r.query.Page()}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	changes, err := s.reader.Changes(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(changes, toChangeJSON), nil
}

// one answers one change. Its ETag is its version.
func (s *changeAPI) one(r request) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	view, err := s.reader.View(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", transport.VersionTag(view.Version))
	detail := toChangeDetailJSON(view.Change) // of a draft with the dangers that it has now
	detail.Targets, detail.Writes, detail.Problem = &view.Targets, &view.Writes, view.Problem
	detail.LeftBehind = convertAll(view.LeftBehind, toGoneAccountJSON)
	detail.Guards, detail.Since = convertAll(view.Guards, toGuardJSON), toSinceJSON(view.ChangedSince)
	return detail, nil
}

// plan answers the plan of a change: all of it, or one account's part.
func (s *changeAPI) plan(r request) (any, error) {
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
