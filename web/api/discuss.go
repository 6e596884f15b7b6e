package api

import (
	"net/http"
	"slices"
	"time"

	"portcullis/internal/access"
)

type apiComment struct {
	ID     int64     `json:"id"`
	Author apiPerson `json:"author"`
	Body   string    `json:"body"`
	At     time.Time `json:"at"`
}

func toAPIComment(c access.Comment) apiComment {
	return apiComment{ID: c.ID, Author: toAPIPerson(c.Author), Body: c.Body, At: c.At.UTC()}
}

// apiComments answers what was said about a change, oldest first. It is one page.
func (s *changeAPI) apiComments(r apiRequest) (any, error) {
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
	return toAPIPage(access.Page[access.Comment]{Items: comments, Total: len(comments)}, toAPIComment), nil
}

type apiRemark struct {
	Body string `json:"body"`
}

// apiSay says something about a change. Whoever can read it may, but not a token that
// was made to read and nothing else.
func (s *changeAPI) apiSay(r apiRequest) (apiAnswer, error) {
	in, err := body[apiRemark](r)
	if err != nil {
		return apiAnswer{}, err
	}
	if !slices.ContainsFunc(r.actor.Scopes, func(s access.TokenScope) bool { return s != access.ScopeRead }) {
		return apiAnswer{}, access.Errorf(access.KindForbidden, "This API token can read, and nothing else. Make one with another scope, too.")
	}
	id, asRead, err := s.changeAsRead(r)
	if err != nil {
		return apiAnswer{}, err
	}
	said, err := s.reviewer.Comment(r.Request().Context(), r.actor, id, in.Body, asRead)
	if err != nil {
		return apiAnswer{}, err
	}
	return apiAnswer{status: http.StatusCreated, location: apiChangeURL(id) + "/comments", body: toAPIComment(said)}, nil
}

// apiClone begins a new draft with the edits of a change that came to nothing.
func (s *changeAPI) apiClone(r apiRequest) (apiAnswer, error) {
	answer, err := s.apiStep(s.editor.Clone)(r)
	if err != nil {
		return answer, err
	}
	if c, ok := answer.body.(apiChangeDetail); ok {
		answer.location = apiChangeURL(c.ID)
	}
	answer.status = http.StatusCreated
	return answer, nil
}
