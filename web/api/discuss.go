package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

type commentJSON struct {
	ID     int64      `json:"id"`
	Author personJSON `json:"author"`
	Body   string     `json:"body"`
	At     time.Time  `json:"at"`
}

func toCommentJSON(c access.Comment) commentJSON {
	return commentJSON{ID: c.ID, Author: toPersonJSON(c.Author), Body: c.Body, At: c.At.UTC()}
}

// comments answers what was said about a change, oldest first. It is one page.
func (s *changeAPI) comments(r request) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	ctx := r.Request().Context()
	if _, err := s.reader.Change(ctx, r.actor, id); err != nil {
		return nil, err
	}
	comments, err := s.reader.Comments(ctx, r.actor, id)
	if err != nil {
		return nil, err
	}
	return toPageJSON(access.Page[access.Comment]{Items: comments, Total: len(comments)}, toCommentJSON), nil
}

type remarkJSON struct {
	Body string `json:"body"`
}

// comment says something about a change. Whoever can read it may, but not a token that
// was made to read and nothing else.
func (s *changeAPI) comment(r request) (result, error) {
	in, err := body[remarkJSON](r)
	if err != nil {
		return result{}, err
	}
	if !slices.ContainsFunc(r.actor.Scopes, func(s access.TokenScope) bool { return s != access.ScopeRead }) {
		return result{}, access.Errorf(access.KindForbidden, "This API token can read, and nothing else. Make one with another scope, too.")
	}
	id, ifVersion, err := s.changeAsRead(r)
	if err != nil {
		return result{}, err
	}
	said, err := s.reviewer.Comment(r.Request().Context(), r.actor, id, in.Body, ifVersion)
	if err != nil {
		return result{}, err
	}
	return result{status: http.StatusCreated, location: changeURL(id) + "/comments", body: toCommentJSON(said)}, nil
}

// clone begins a new draft with the edits of a change that came to nothing.
func (s *changeAPI) clone(r request) (result, error) {
	answer, err := s.step(s.editor.Clone)(r)
	if err != nil {
		return answer, err
	}
	if c, ok := answer.body.(changeDetailJSON); ok {
		answer.location = changeURL(c.ID)
	}
	answer.status = http.StatusCreated
	return answer, nil
}

type revertJSON struct {
	Reason string `json:"reason"`
}

// revert begins a new draft with the edits that undo an applied change.
func (s *changeAPI) revert(r request) (result, error) {
	var in revertJSON
	if r.Request().ContentLength != 0 { // the reason may also be added to the draft
		var err error
		if in, err = body[revertJSON](r); err != nil {
			return result{}, err
		}
	}
	answer, err := s.step(func(
		ctx context.Context, actor access.Actor, id int64, options ...change.Option,
	) (access.Change, error) {
		return s.editor.Revert(ctx, actor, id, in.Reason, options...)
	})(r)
	if err != nil {
		return answer, err
	}
	if c, ok := answer.body.(changeDetailJSON); ok {
		answer.location = changeURL(c.ID)
	}
	answer.status = http.StatusCreated
	return answer, nil
}
