package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/scenario"
	"portcullis.internal/portcullis/web/transport"
)

// proposalJSON is a change as a program sends it: the edits, or the whole desired state.
type proposalJSON struct {
	Title   string          `json:"title"`
	Reason  string          `json:"reason"`
	Edits   []editJSON      `json:"edits"`
	Desired json.RawMessage `json:"desired"`
}

// propose begins a change. With If-Match it is begun on that revision or not at all.
func (s *changeAPI) propose(r request) (result, error) {
	on, err := wantRevision(r)
	if err != nil {
		return result{}, err
	}
	p, err := proposal(r)
	if err != nil {
		return result{}, err
	}
	c, err := s.editor.Propose(r.Request().Context(), r.actor, on, p)
	if err != nil {
		return result{}, err
	}
	answer := changeAnswer(c)
	answer.status, answer.location = http.StatusCreated, changeURL(c.ID)
	return answer, nil
}

// revise replaces title, reason and edits. Without If-Match it is refused: it would
// overwrite what somebody else may have written meanwhile.
func (s *changeAPI) revise(r request) (result, error) {
	id, err := r.id("change")
	if err != nil {
		return result{}, err
	}
	version, ok, err := transport.MatchNumber(r)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return result{}, access.Errorf(access.KindUnconditional, "Say with If-Match which version of the change you replace: the ETag of GET /changes/%d.", id)
	}
	p, err := proposal(r)
	if err != nil {
		return result{}, err
	}
	c, err := s.editor.Revise(r.Request().Context(), r.actor, id, version, p)
	if err != nil {
		return result{}, err
	}
	return changeAnswer(c), nil
}

// proposal reads the body. The desired state is read as a scenario file is, so that both
// know the same keys and refuse the same mistakes.
func proposal(r request) (change.Proposal, error) {
	in, err := body[proposalJSON](r)
	if err != nil {
		return change.Proposal{}, err
	}
	p := change.Proposal{Title: in.Title, Reason: in.Reason}
	if p.Edits, err = edits(in.Edits); err != nil {
		return change.Proposal{}, err
	}
	if len(in.Desired) == 0 || bytes.Equal(in.Desired, []byte("null")) {
		return p, nil
	}
	if in.Edits != nil {
		return p, access.Invalid("desired", "Send either the edits or the whole desired state, not both.")
	}
	if keys := map[string]json.RawMessage{}; json.Unmarshal(in.Desired, &keys) == nil && len(keys) == 0 {
		return p, access.Invalid("desired", "The desired state is empty. If no allowlist and no mapping is to be left, say so: {\"allowlists\": [], \"mappings\": []}.")
	}
	scenario, err := scenario.ParseScenario(in.Desired, "desired")
	if err != nil {
		return change.Proposal{}, access.Invalid("desired", "%s", access.MessageOf(err))
	}
	p.Desired = change.DesiredOf(scenario)
	return p, nil
}

func changeAnswer(c access.Change) result {
	return result{etag: transport.VersionTag(c.Version), body: toChangeDetailJSON(c)}
}

func changeURL(id int64) string { return apiPrefix + "/changes/" + strconv.FormatInt(id, 10) }

func rolloutURL(id int64) string { return apiPrefix + "/rollouts/" + strconv.FormatInt(id, 10) }

// wantRevision is the revision that a proposal builds on; change.Head for whichever.
func wantRevision(c echo.Context) (int64, error) {
	n, ok, err := transport.MatchNumber(c)
	if err != nil || !ok {
		return change.Head, err
	}
	return n, nil
}
