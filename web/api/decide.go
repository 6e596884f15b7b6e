package api

import (
	"context"
	"net/http"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// guardOverrideJSON names a finding of a lock-out guard that the caller overrides.
type guardOverrideJSON struct {
	Guard  string `json:"guard"`
	Object string `json:"object"`
}

func guardOverrides(list []guardOverrideJSON) change.Option {
	return change.OverrideGuards(convertAll(list, func(m guardOverrideJSON) change.GuardOverride {
		return change.GuardOverride{Guard: access.GuardCode(m.Guard), Object: m.Object}
	})...)
}

type submissionJSON struct {
	OverrideGuards []guardOverrideJSON `json:"override_guards"`
}

// submit asks for reviews of a draft. Without If-Match it submits what is there.
func (s *changeAPI) submit(r request) (result, error) {
	in, err := bodyIfAny[submissionJSON](r)
	if err != nil {
		return result{}, err
	}
	id, ifVersion, err := s.changeAsRead(r)
	if err != nil {
		return result{}, err
	}
	c, err := s.reader.Change(r.Request().Context(), r.actor, id)
	if err != nil {
		return result{}, err
	}
	c, err = s.editor.Submit(r.Request().Context(), r.actor, id, c.Version, guardOverrides(in.OverrideGuards), ifVersion)
	if err != nil {
		return result{}, err
	}
	return changeAnswer(c), nil
}

// step makes the handler of a step that takes nothing but the change.
func (s *changeAPI) step(step func(context.Context, access.Actor, int64, ...change.Option) (access.Change, error)) action {
	return func(r request) (result, error) {
		if err := noBody(r); err != nil {
			return result{}, err
		}
		id, ifVersion, err := s.changeAsRead(r)
		if err != nil {
			return result{}, err
		}
		c, err := step(r.Request().Context(), r.actor, id, ifVersion)
		if err != nil {
			return result{}, err
		}
		return changeAnswer(c), nil
	}
}

// rebase puts a change on the newest revision, and tells whoever may read it what
// others have applied meanwhile.
func (s *changeAPI) rebase(r request) (result, error) {
	answer, err := s.step(s.editor.Rebase)(r)
	if err != nil {
		return answer, err
	}
	detail, ok := answer.body.(changeDetailJSON)
	if !ok {
		return answer, nil
	}
	since, err := s.reader.ChangedSince(r.Request().Context(), r.actor, detail.ID)
	switch {
	case access.KindOf(err) == access.KindForbidden:
	case err != nil:
		return result{}, err
	default:
		detail.Since = toSinceJSON(since)
		answer.body = detail
	}
	return answer, nil
}

type verdictJSON struct {
	Verdict        string              `json:"verdict"`
	Digest         string              `json:"digest"`
	Comment        string              `json:"comment"`
	OverrideGuards []guardOverrideJSON `json:"override_guards"`
}

// review records a verdict. The digest says what it is on.
func (s *changeAPI) review(r request) (result, error) {
	in, err := body[verdictJSON](r)
	if err != nil {
		return result{}, err
	}
	id, ifVersion, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return result{}, err
	}
	c, err := s.reviewer.Review(r.Request().Context(), r.actor, id, access.Verdict(in.Verdict), in.Digest, in.Comment, guardOverrides(in.OverrideGuards), ifVersion)
	if err != nil {
		return result{}, err
	}
	return changeAnswer(c), nil
}

type applicationJSON struct {
	Digest   string `json:"digest"`
	Strategy string `json:"strategy"` // by name; the default where none is given

	OverrideGuards []guardOverrideJSON `json:"override_guards"`
}

// apply makes an approved change the next revision, and answers its rollout.
func (s *changeAPI) apply(r request) (result, error) {
	in, err := body[applicationJSON](r)
	if err != nil {
		return result{}, err
	}
	id, ifVersion, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return result{}, err
	}
	request := change.ApplyRequest{Digest: in.Digest, Strategy: in.Strategy}
	rollout, err := s.scheduler.Apply(r.Request().Context(), r.actor, id, request, guardOverrides(in.OverrideGuards), ifVersion)
	if err != nil {
		return result{}, err
	}
	answer := rolloutAnswer(rollout)
	answer.status, answer.location = http.StatusCreated, rolloutURL(rollout.ID)
	return answer, nil
}

// changeDecided is changeAsRead for a decision, which says by the digest what it is on.
func (s *changeAPI) changeDecided(r request, digest string) (int64, change.Option, error) {
	if digest == "" {
		return 0, nil, access.Invalid("digest", "give the digest of the change as you read it: it says what is decided on")
	}
	return s.changeAsRead(r)
}

// changeAsRead reads the change's id in the path. Where If-Match says which version the
// caller has read, the step is refused when the change is at another: the step's own
// transaction says so.
func (s *changeAPI) changeAsRead(r request) (int64, change.Option, error) {
	id, err := r.id("change")
	if err != nil {
		return 0, nil, err
	}
	version, ok, err := transport.MatchNumber(r)
	if err != nil || !ok {
		return id, change.OverrideGuards(), err
	}
	return id, change.IfVersion(version), nil
}
