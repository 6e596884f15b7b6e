package view

import "context"

// RefusedSearch is a search text that was refused. The search field shows it with its message.
type RefusedSearch struct {
	Text     string
	Problems Problems
	Shown    bool
}

type refusedSearchKey struct{}

// WithRefusedSearch keeps a refused search text for the search field of the page.
func WithRefusedSearch(ctx context.Context, refused *RefusedSearch) context.Context {
	return context.WithValue(ctx, refusedSearchKey{}, refused)
}

// RefusedSearchOf returns the refused search text of a request; nil if there is none.
func RefusedSearchOf(ctx context.Context) *RefusedSearch {
	refused, _ := ctx.Value(refusedSearchKey{}).(*RefusedSearch)
	return refused
}

// with is the field as it must be shown: with the refused text, if there is one.
func (p SearchProps) with(ctx context.Context) SearchProps {
	if refused := RefusedSearchOf(ctx); refused != nil {
		refused.Shown = true
		p.Value, p.Problems = refused.Text, refused.Problems
	}
	return p
}
