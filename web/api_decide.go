package web

import (
	"context"
	"net/http"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

// apiMeant names what a lock-out guard has found, and is meant.
type apiMeant struct {
	Guard  string `json:"guard"`
	Object string `json:"object"`
}

func meant(list []apiMeant) change.Option {
	return change.OverrideGuards(convertAll(list, func(m apiMeant) change.GuardOverride {
		return change.GuardOverride{Guard: access.GuardCode(m.Guard), Object: m.Object}
	})...)
}

type apiSubmission struct {
	Confirm []apiMeant `json:"confirm"`
}

// apiSubmit asks for reviews of a draft. Without If-Match it submits what is there.
func (s *Server) apiSubmit(r apiRequest) (apiAnswer, error) {
	in, err := bodyIfAny[apiSubmission](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, asRead, err := s.changeAsRead(r)
	if err != nil {
		return apiAnswer{}, err
	}
	c, err := s.cfg.Changes.Change(r.Request().Context(), r.actor, id)
	if err != nil {
		return apiAnswer{}, err
	}
	c, err = s.cfg.Changes.Submit(r.Request().Context(), r.actor, id, c.Version, meant(in.Confirm), asRead)
	if err != nil {
		return apiAnswer{}, err
	}
	return changeAnswer(c), nil
}

// apiStep makes the handler of a step that takes nothing but the change.
func (s *Server) apiStep(step func(context.Context, access.Actor, int64, ...change.Option) (access.Change, error)) apiAction {
	return func(r apiRequest) (apiAnswer, error) {
		if err := noBody(r); err != nil {
			return apiAnswer{}, err
		}
		id, asRead, err := s.changeAsRead(r)
		if err != nil {
			return apiAnswer{}, err
		}
		c, err := step(r.Request().Context(), r.actor, id, asRead)
		if err != nil {
			return apiAnswer{}, err
		}
		return changeAnswer(c), nil
	}
}

// apiRebase puts a change on the newest revision, and tells whoever may read it what
// others have applied meanwhile.
func (s *Server) apiRebase(r apiRequest) (apiAnswer, error) {
	answer, err := s.apiStep(s.cfg.Changes.Rebase)(r)
	if err != nil {
		return answer, err
	}
	detail, ok := answer.body.(apiChangeDetail)
	if !ok {
		return answer, nil
	}
	since, err := s.cfg.Changes.ChangedSince(r.Request().Context(), r.actor, detail.ID)
	switch {
	case access.KindOf(err) == access.KindForbidden:
	case err != nil:
		return apiAnswer{}, err
	default:
		detail.Since = toAPISince(since)
		answer.body = detail
	}
	return answer, nil
}

type apiVerdict struct {
	Verdict string     `json:"verdict"`
	Digest  string     `json:"digest"`
	Comment string     `json:"comment"`
	Confirm []apiMeant `json:"confirm"`
}

// apiReview records a verdict. The digest says what it is on.
func (s *Server) apiReview(r apiRequest) (apiAnswer, error) {
	in, err := body[apiVerdict](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, asRead, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return apiAnswer{}, err
	}
	c, err := s.cfg.Changes.Review(r.Request().Context(), r.actor, id, access.Verdict(in.Verdict), in.Digest, in.Comment, meant(in.Confirm), asRead)
	if err != nil {
		return apiAnswer{}, err
	}
	return changeAnswer(c), nil
}

type apiApplication struct {
	Digest   string `json:"digest"`
	Strategy string `json:"strategy"` // by name; the default where none is given

	Confirm []apiMeant `json:"confirm"`
}

// apiApply makes an approved change the next revision, and answers its rollout.
func (s *Server) apiApply(r apiRequest) (apiAnswer, error) {
	in, err := body[apiApplication](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, asRead, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return apiAnswer{}, err
	}
	request := change.ApplyRequest{Digest: in.Digest, Strategy: in.Strategy}
	rollout, err := s.cfg.Changes.Apply(r.Request().Context(), r.actor, id, request, meant(in.Confirm), asRead)
	if err != nil {
		return apiAnswer{}, err
	}
	answer := rolloutAnswer(rollout)
	answer.status, answer.location = http.StatusCreated, apiRolloutURL(rollout.ID)
	return answer, nil
}

// changeDecided is changeAsRead for a decision, which says by the digest what it is on.
func (s *Server) changeDecided(r apiRequest, digest string) (int64, change.Option, error) {
	if digest == "" {
		return 0, nil, access.Invalid("digest", "give the digest of the change as you read it: it says what is decided on")
	}
	return s.changeAsRead(r)
}

// changeAsRead reads the change's id in the path. Where If-Match says which version the
// caller has read, the step is refused when the change is at another: the step's own
// transaction says so.
func (s *Server) changeAsRead(r apiRequest) (int64, change.Option, error) {
	id, err := r.id("change")
	if err != nil {
		return 0, nil, err
	}
	version, ok, err := wantNumber(r)
	if err != nil || !ok {
		return id, change.OverrideGuards(), err
	}
	return id, change.IfVersion(version), nil
}
