package api

import (
	"context"
	"net/http"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/internal/rollout"
)

type apiItems[T any] struct {
	Items []T `json:"items"`
}

type apiTrouble struct {
	State   string       `json:"state"`
	Class   string       `json:"class,omitempty"`
	Code    string       `json:"code,omitempty"`
	Cause   string       `json:"cause"`
	Summary string       `json:"summary"`
	Advice  string       `json:"advice,omitempty"`
	Targets int          `json:"targets"`
	OUs     []apiOUCount `json:"ous"`
	Example string       `json:"example"`
}

type apiOUCount struct {
	OU      string `json:"ou"`
	Targets int    `json:"targets"`
}

func toAPITrouble(g access.TroubleGroup, sentence func(access.TroubleGroup) string) apiTrouble {
	return apiTrouble{
		State: string(g.State), Class: string(g.Class), Code: g.Code, Cause: g.Cause, Summary: sentence(g), Advice: g.Advice, Targets: g.Targets,
		OUs: convertAll(g.OUs, func(c access.OUCount) apiOUCount { return apiOUCount(c) }), Example: string(g.Example),
	}
}

func (s *rolloutAPI) insight(r apiRequest) (rollout.Insight, error) {
	id, err := r.id("rollout")
	if err != nil {
		return rollout.Insight{}, err
	}
	return s.viewer.Insight(r.Request().Context(), r.actor, id)
}

// apiTroubles groups the targets that are not as desired by what is wrong.
func (s *rolloutAPI) apiTroubles(r apiRequest) (any, error) {
	insight, err := s.insight(r)
	if err != nil {
		return nil, err
	}
	return apiItems[apiTrouble]{convertAll(insight.Troubles, func(g access.TroubleGroup) apiTrouble { return toAPITrouble(g, s.sentence) })}, nil
}

type apiSample struct {
	At        time.Time `json:"at"`
	Running   int       `json:"running"`
	Ended     int       `json:"ended"`
	Failed    int       `json:"failed"`
	Calls     int64     `json:"calls"`
	Attempts  int64     `json:"attempts"`
	Throttles int64     `json:"throttles"`
}

// apiSamples tells how far a rollout was from time to time.
func (s *rolloutAPI) apiSamples(r apiRequest) (any, error) {
	insight, err := s.insight(r)
	if err != nil {
		return nil, err
	}
	return apiItems[apiSample]{convertAll(insight.Samples, func(p access.Sample) apiSample { return apiSample(p) })}, nil
}

type apiResolution struct {
	Operations []apiConflictChoice `json:"operations"`
}

type apiConflictChoice struct {
	Operation int64  `json:"operation"`
	Choice    string `json:"choice"`
	Seen      string `json:"seen"`
}

// apiResolve decides about documents that somebody else has edited.
func (s *rolloutAPI) apiResolve(r apiRequest) (apiAnswer, error) {
	in, err := body[apiResolution](r)
	if err != nil {
		return apiAnswer{}, err
	}
	choices := convertAll(in.Operations, func(c apiConflictChoice) access.ResolveConflict {
		return access.ResolveConflict{OperationID: c.Operation, Choice: access.ConflictChoice(c.Choice), Seen: c.Seen}
	})
	account := access.AccountID(r.Param("account"))
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.Resolve(ctx, actor, id, account, choices)
	})
}

type apiAdoption struct {
	Operation int64 `json:"operation"`
}

// apiAdopt composes a change that makes the desired state follow an edit that was adopted.
func (s *rolloutAPI) apiAdopt(r apiRequest) (apiAnswer, error) {
	in, err := body[apiAdoption](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, err := r.id("rollout")
	if err != nil {
		return apiAnswer{}, err
	}
	ctx, account := r.Request().Context(), access.AccountID(r.Param("account"))
	operations, err := s.viewer.Operations(ctx, r.actor, id, account)
	if err != nil {
		return apiAnswer{}, err
	}
	adoption, err := change.AdoptionOf(account, operations, in.Operation)
	if err != nil {
		return apiAnswer{}, err
	}
	draft, err := s.adopter.Adopt(ctx, r.actor, adoption)
	if err != nil {
		return apiAnswer{}, err
	}
	answer := changeAnswer(draft)
	answer.status, answer.location = http.StatusCreated, apiChangeURL(draft.ID)
	return answer, nil
}

// apiDecided is what was decided about a conflict.
type apiDecided struct {
	Choice string    `json:"choice"`
	Seen   string    `json:"seen"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

func toAPIDecided(r access.Resolution) *apiDecided {
	if r.Choice == "" {
		return nil
	}
	return &apiDecided{Choice: string(r.Choice), Seen: access.DocumentDigest(r.Seen), By: r.By.Name, At: r.At.UTC()}
}
