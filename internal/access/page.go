package access

// The sizes of a page of a list.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// PageQuery asks for one page of a list. Cursor is what the page before gave as Next.
type PageQuery struct {
	Search string
	Limit  int
	Cursor string
}

// Size returns the number of rows to fetch, within bounds.
func (q PageQuery) Size() int {
	switch {
	case q.Limit <= 0:
		return DefaultPageSize
	case q.Limit > MaxPageSize:
		return MaxPageSize
	default:
		return q.Limit
	}
}

// Page is one page of a list. Next is empty on the last one. Total is -1 where it was
// not counted.
type Page[T any] struct {
	Items []T
	Next  string
	Total int
}
