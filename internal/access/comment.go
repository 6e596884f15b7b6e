package access

import (
	"strings"
	"time"
)

// Comment is something said about a change. Comments are never altered or removed.
type Comment struct {
	ID     int64
	Author PersonRef
	Body   string
	At     time.Time
}

// NewComment refuses what is empty or too long.
func NewComment(actor Actor, body string, at time.Time) (Comment, error) {
	body = strings.TrimSpace(body)
	switch {
	case actor.Kind == ActorSystem:
		return Comment{}, Errorf(KindForbidden, "Only people comment.")
	case body == "":
		return Comment{}, Invalid("body", "write a comment first")
	case len(body) > MaxReason:
		return Comment{}, Invalid("body", "the comment has %d characters; at most %d are kept", len(body), MaxReason)
	}
	return Comment{Author: actor.Ref(), Body: body, At: at}, nil
}
