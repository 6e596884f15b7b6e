package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

// noteTimeout bounds how long somebody who is refused waits until that is on record.
const noteTimeout = 5 * time.Second

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// noteRefusal has a refusal put on record: what somebody may not, and tokens that are
// none. To be asked to sign in is no refusal.
func (s *Server) noteRefusal(c echo.Context, f Failure) {
	r := c.Request()
	badToken := f.Status == http.StatusUnauthorized && isAPI(r.URL.Path) && r.Header.Get("Authorization") != ""
	if f.Status != http.StatusForbidden && !badToken {
		return
	}
	actor, known := c.Get(actorKey).(access.Actor)
	if !known {
		actor = access.Actor{Addr: ClientAddr(c), UserAgent: r.UserAgent(), RequestID: RequestID(c)}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), noteTimeout)
	defer cancel()
	refusal := authn.Refusal{
		Sort: r.Method + " " + c.Path(), Object: r.Method + " " + r.URL.Path, Why: f.Text, Action: !isRead(r.Method),
	}
	if err := s.cfg.Identity.NoteRefusal(ctx, actor, refusal); err != nil {
		s.cfg.Log.ErrorContext(ctx, "a refusal could not be put on record", "error", err, "request_id", RequestID(c))
	}
}
