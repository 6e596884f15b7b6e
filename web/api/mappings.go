package api

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
)

// MappingReader reads mappings.
type MappingReader interface {
	Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error)
	Mapping(ctx context.Context, actor access.Actor, id string) (access.Mapping, error)
}

// mappingAPI answers about mappings.
type mappingAPI struct {
	mappings MappingReader
}

func (s *mappingAPI) list(r request) (any, error) {
	q := access.MappingQuery{
		Allowlist: r.query.Text("allowlist"), Role: r.query.Text("role"), User: r.query.Text("user"), PageQuery: r.query.Page(),
	}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	mappings, err := s.mappings.Mappings(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(mappings, toMappingJSON), nil
}

func (s *mappingAPI) one(r request) (any, error) {
	m, err := s.mappings.Mapping(r.Request().Context(), r.actor, r.Param("id"))
	if err != nil {
		return nil, err
	}
	return toMappingJSON(m), nil
}
