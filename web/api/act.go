package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// result is what a request that changes something is answered with.
type result struct {
	status   int // 200 where nothing is said
	etag     string
	location string
	body     any
}

// base is what all of the API shares: the server, and the answers that are kept.
type base struct {
	*transport.Server
	replies Replies
	log     *slog.Logger
	now     func() time.Time
}

// action carries out a request that changes something.
type action func(r request) (result, error)

// asAction makes a route's handler. With an Idempotency-Key the request is carried out
// once, however often it is sent.
//
//	first ──▶ key taken ──▶ carried out ──▶ answer kept ──▶ sent
//	                             ├─ refused (4xx), or the database was busy: key given back, nothing was done
//	                             └─ interrupted (5xx, or we died): the effect is unknown
//	again ──▶ kept: sent again │ other request: 422 │ under way or unknown: 409
func (s *base) asAction(act action) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		r := request{Context: c, actor: actor, query: transport.NewQuery(c.QueryParams())}
		key := c.Request().Header.Get("Idempotency-Key")
		if key == "" {
			reply, err := perform(r, act)
			if err != nil {
				return err
			}
			return sendReply(c, reply)
		}
		return s.once(r, key, act)
	}
}

var keyForm = regexp.MustCompile(`^[!-~]{1,255}$`)

func (s *base) once(r request, key string, act action) error {
	if !keyForm.MatchString(key) {
		return access.Invalid("Idempotency-Key", "an idempotency key has 1 to 255 visible ASCII characters, best of all a random UUID")
	}
	print, err := fingerprint(r.Request())
	if err != nil {
		return err
	}
	ctx := r.Request().Context()
	known, fresh, err := s.replies.BeginReply(ctx, r.actor.TokenID, key, print, s.now())
	if err != nil {
		return err
	}
	if !fresh {
		return again(r.Context, known, print)
	}
	reply, err := perform(r, act)
	// Whoever waits for the answer may be gone: what happened is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err != nil {
		if transport.StatusOf(r.Context, err) < http.StatusInternalServerError || errors.Is(err, access.ErrBusy) {
			s.giveBack(ctx, r, key)
		}
		return err
	}
	reply.Fingerprint = print
	if err := s.replies.FinishReply(ctx, r.actor.TokenID, key, reply); err != nil {
		s.log.ErrorContext(ctx, "an answer could not be kept for its idempotency key", "error", err, "request_id", transport.RequestID(r.Context))
	}
	return sendReply(r.Context, reply)
}

func (s *base) giveBack(ctx context.Context, r request, key string) {
	if err := s.replies.DropReply(ctx, r.actor.TokenID, key); err != nil {
		s.log.ErrorContext(ctx, "an idempotency key could not be given back", "error", err, "request_id", transport.RequestID(r.Context))
	}
}

// again answers a request whose key was used before.
func again(c echo.Context, kept access.IdempotentReply, print []byte) error {
	switch {
	case !bytes.Equal(kept.Fingerprint, print):
		return access.Invalid("Idempotency-Key", "this idempotency key was used for another request; use a new key for each thing that is to be done")
	case kept.Status == 0:
		c.Response().Header().Set("Retry-After", "2")
		return access.Errorf(access.KindConflict, "The first request with this idempotency key is under way, or was interrupted. If it stays so for a minute, look whether it took effect, and go on with a new key.")
	default:
		c.Response().Header().Set("Idempotent-Replayed", "true")
		return sendReply(c, kept)
	}
}

// fingerprint tells requests with one key apart. The body is read, and put back.
func fingerprint(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unreadable(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.RequestURI(), r.Header.Get("If-Match"), string(body)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil), nil
}

// perform carries a request out and encodes the whole answer before any of it is sent.
// What is kept of it holds no secret.
func perform(r request, act action) (access.IdempotentReply, error) {
	a, err := act(r)
	if err != nil {
		return access.IdempotentReply{}, err
	}
	reply := access.IdempotentReply{Status: a.status, ETag: a.etag, Location: a.location}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	if a.body != nil {
		reply.ContentType = "application/json"
		reply.Body, err = encodeJSON(a.body)
	}
	return reply, err
}

func sendReply(c echo.Context, reply access.IdempotentReply) error {
	h := c.Response().Header()
	if reply.ETag != "" {
		h.Set("ETag", reply.ETag)
	}
	if reply.Location != "" {
		h.Set("Location", reply.Location)
	}
	if len(reply.Body) == 0 {
		return c.NoContent(reply.Status)
	}
	return c.Blob(reply.Status, reply.ContentType, reply.Body)
}

// encodeJSON leaves angle brackets as they are: nothing here is read as HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
