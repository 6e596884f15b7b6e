package api

import (
	"context"
	"net/http"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/onboard"
	"portcullis.internal/portcullis/internal/rollout"
)

type itemsJSON[T any] struct {
	Items []T `json:"items"`
}

type failureJSON struct {
	State   string        `json:"state"`
	Class   string        `json:"class,omitempty"`
	Code    string        `json:"code,omitempty"`
	Cause   string        `json:"cause"`
	Summary string        `json:"summary"`
	Advice  string        `json:"advice,omitempty"`
	Targets int           `json:"targets"`
	OUs     []ouCountJSON `json:"ous"`
	Example string        `json:"example"`
}

type ouCountJSON struct {
	OU      string `json:"ou"`
	Targets int    `json:"targets"`
}

func toFailureJSON(g access.FailureGroup, sentence func(access.FailureGroup) string) failureJSON {
	return failureJSON{
		State: string(g.State), Class: string(g.Class), Code: g.Code, Cause: g.Cause, Summary: sentence(g), Advice: g.Advice, Targets: g.Targets,
		OUs: convertAll(g.OUs, func(c access.OUCount) ouCountJSON { return ouCountJSON(c) }), Example: string(g.Example),
	}
}

func (s *rolloutAPI) insight(r request) (rollout.Insight, error) {
	id, err := r.id("rollout")
	if err != nil {
		return rollout.Insight{}, err
	}
	return s.viewer.Insight(r.Request().Context(), r.actor, id)
}

// failures returns the targets that are not as desired, grouped by cause.
func (s *rolloutAPI) failures(r request) (any, error) {
	insight, err := s.insight(r)
	if err != nil {
		return nil, err
	}
	return itemsJSON[failureJSON]{convertAll(insight.Failures, func(g access.FailureGroup) failureJSON { return toFailureJSON(g, s.sentence) })}, nil
}

type progressSampleJSON struct {
	At        time.Time `json:"at"`
	Running   int       `json:"running"`
	Ended     int       `json:"ended"`
	Failed    int       `json:"failed"`
	Calls     int64     `json:"calls"`
	Attempts  int64     `json:"attempts"`
	Throttles int64     `json:"throttles"`
}

// progressSamples tells how far a rollout was from time to time.
func (s *rolloutAPI) progressSamples(r request) (any, error) {
	insight, err := s.insight(r)
	if err != nil {
		return nil, err
	}
	return itemsJSON[progressSampleJSON]{convertAll(insight.Samples, func(p access.ProgressSample) progressSampleJSON { return progressSampleJSON(p) })}, nil
}

type resolutionJSON struct {
	Operations []conflictChoiceJSON `json:"operations"`
}

type conflictChoiceJSON struct {
	Operation int64  `json:"operation"`
	Choice    string `json:"choice"`
	Seen      string `json:"seen"`
}

// resolve decides about documents that somebody else has edited.
func (s *rolloutAPI) resolve(r request) (result, error) {
	in, err := body[resolutionJSON](r)
	if err != nil {
		return result{}, err
	}
	choices := convertAll(in.Operations, func(c conflictChoiceJSON) access.ResolveConflict {
		return access.ResolveConflict{OperationID: c.Operation, Choice: access.ConflictChoice(c.Choice), Seen: c.Seen}
	})
	account := access.AccountID(r.Param("account"))
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.Resolve(ctx, actor, id, account, choices)
	})
}

type adoptionJSON struct {
	Operation int64 `json:"operation"`
}

// adopt composes a change that makes the desired state follow an edit that was adopted.
func (s *rolloutAPI) adopt(r request) (result, error) {
	in, err := body[adoptionJSON](r)
	if err != nil {
		return result{}, err
	}
	id, err := r.id("rollout")
	if err != nil {
		return result{}, err
	}
	ctx, account := r.Request().Context(), access.AccountID(r.Param("account"))
	operations, err := s.viewer.Operations(ctx, r.actor, id, account)
	if err != nil {
		return result{}, err
	}
	adoption, err := onboard.AdoptionOf(account, operations, in.Operation)
	if err != nil {
		return result{}, err
	}
	draft, err := s.adopter.Adopt(ctx, r.actor, adoption)
	if err != nil {
		return result{}, err
	}
	answer := changeAnswer(draft)
	answer.status, answer.location = http.StatusCreated, changeURL(draft.ID)
	return answer, nil
}

// decidedJSON is what was decided about a conflict.
type decidedJSON struct {
	Choice string    `json:"choice"`
	Seen   string    `json:"seen"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

func toDecidedJSON(r access.Resolution) *decidedJSON {
	if r.Choice == "" {
		return nil
	}
	return &decidedJSON{Choice: string(r.Choice), Seen: access.DocumentDigest(r.Seen), By: r.By.Name, At: r.At.UTC()}
}
