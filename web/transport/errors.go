package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

// statusClientGone is logged when nobody waits for the answer any more.
const statusClientGone = 499

// The kinds of refusal that only the API knows: the body is no JSON, or of another type.
const (
	KindMalformed access.Kind = "malformed"
	KindMediaType access.Kind = "media_type"
)

// statuses says with which status each kind of error is answered.
var statuses = map[access.Kind]int{
	access.KindInvalid:         http.StatusUnprocessableEntity,
	access.KindNotFound:        http.StatusNotFound,
	access.KindForbidden:       http.StatusForbidden,
	access.KindUnauthenticated: http.StatusUnauthorized,
	access.KindConflict:        http.StatusConflict,
	access.KindUnchanged:       http.StatusConflict,
	access.KindStale:           http.StatusPreconditionFailed,
	access.KindUnconditional:   http.StatusPreconditionRequired,
	KindMalformed:              http.StatusBadRequest,
	KindMediaType:              http.StatusUnsupportedMediaType,
	KindMisdirected:            http.StatusMisdirectedRequest,
	access.KindTooMany:         http.StatusTooManyRequests,
	access.KindUnavailable:     http.StatusServiceUnavailable,
}

var titles = map[int]string{
	http.StatusBadRequest:            "This request makes no sense",
	http.StatusUnauthorized:          "Sign in first",
	http.StatusForbidden:             "You may not do this",
	http.StatusNotFound:              "There is nothing here",
	http.StatusMethodNotAllowed:      "This does not work here",
	http.StatusConflict:              "It has changed meanwhile",
	http.StatusPreconditionFailed:    "It has changed meanwhile",
	http.StatusPreconditionRequired:  "Say what this builds on",
	http.StatusUnsupportedMediaType:  "This kind of content is not taken",
	http.StatusRequestEntityTooLarge: "This is too much at once",
	http.StatusMisdirectedRequest:    "Not the host of this console",
	http.StatusUnprocessableEntity:   "Something needs correcting",
	http.StatusTooManyRequests:       "Too many attempts",
	http.StatusServiceUnavailable:    "Not available right now",
	http.StatusInternalServerError:   "Something went wrong",
}

// Failure is an error as it is answered.
type Failure struct {
	Status int
	kind   access.Kind
	Text   string
	fields []access.FieldError
}

// Title is the heading of the answer.
func (f Failure) Title() string { return titles[f.Status] }

// StatusOf says with which status an error is answered.
func StatusOf(c echo.Context, err error) int { return classifyError(c, err).Status }

// KindStatus says with which status a kind of error is answered; 0 for a kind that has none.
func KindStatus(kind access.Kind) int { return statuses[kind] }

// NoteCause keeps the error behind an answer for the log record.
func NoteCause(c echo.Context, err error) { c.Set(causeKey, err) }

// retryAfter is how many seconds a client should wait after an answer with 503.
const retryAfter = "5"

// RetryLater tells the client when to send the request again. A handler that answers 503 with a page calls it.
func RetryLater(c echo.Context) { c.Response().Header().Set("Retry-After", retryAfter) }

// answerError is the only place where an error becomes an answer.
func (s *Server) answerError(err error, c echo.Context) {
	c.Set(causeKey, err)
	if c.Response().Committed {
		return
	}
	f := classifyError(c, err)
	if f.Status == http.StatusServiceUnavailable {
		RetryLater(c)
	}
	s.noteRefusal(c, f)
	var sent error
	switch {
	case f.Status == statusClientGone:
		sent = c.NoContent(statusClientGone)
	case isAPI(c.Request().URL.Path):
		sent = s.answerProblem(c, f)
	case f.Status == http.StatusMisdirectedRequest:
		sent = plainError(c, f) // a page would lead to the host that was refused
	case f.Status == http.StatusUnauthorized:
		sent = s.askToSignIn(c)
	default:
		sent = s.cfg.ErrorPage(c, f)
	}
	if sent != nil {
		s.cfg.Log.Error("answering an error failed", "error", sent, "request_id", RequestID(c))
	}
}

// classifyError decides how an error is answered.
func classifyError(c echo.Context, err error) Failure {
	var known *access.Error
	var http4 *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Failure{Status: http.StatusRequestEntityTooLarge, kind: access.KindInvalid, Text: "The request is larger than " + strconv.Itoa(maxBody>>20) + " MB. Send it in several parts."}
	case errors.As(err, &known) && statuses[known.Kind] != 0:
		return Failure{Status: statuses[known.Kind], kind: known.Kind, Text: known.Message, fields: known.Fields}
	case errors.As(err, &http4):
		return echoFailure(http4)
	case c.Request().Context().Err() == context.Canceled:
		return Failure{Status: statusClientGone}
	case errors.Is(err, context.DeadlineExceeded):
		return Failure{Status: http.StatusServiceUnavailable, kind: access.KindUnavailable, Text: "This took longer than it may. Try again in a moment."}
	default:
		return Failure{Status: http.StatusInternalServerError, kind: access.KindInternal, Text: access.MessageOf(err)}
	}
}

// echoFailure answers what the router refuses, in our own words.
func echoFailure(e *echo.HTTPError) Failure {
	switch e.Code {
	case http.StatusNotFound:
		return Failure{Status: e.Code, kind: access.KindNotFound, Text: "No page has this address. It may have been moved or mistyped."}
	case http.StatusMethodNotAllowed:
		return Failure{Status: e.Code, kind: access.KindInvalid, Text: "This address does not take this kind of request."}
	default:
		if e.Code >= 400 && e.Code < 500 {
			return Failure{Status: e.Code, kind: access.KindInvalid, Text: "The request could not be read."}
		}
		return Failure{Status: http.StatusInternalServerError, kind: access.KindInternal, Text: access.MessageOf(e)}
	}
}

// askToSignIn sends the browser to the sign-in page, and back afterwards where that
// makes sense.
func (s *Server) askToSignIn(c echo.Context) error {
	to := s.cfg.SignInURL
	switch r := c.Request(); {
	case r.Method == http.MethodPost:
		to += "?" + url.Values{"next": {s.pageOf(r.URL.Path)}, "unsent": {"1"}}.Encode()
	case r.Method == http.MethodGet && r.URL.Path != home:
		to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	if c.Request().Header.Get("HX-Request") != "" {
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusUnauthorized)
	}
	return s.See(c, to)
}

// plainError answers without a page.
func plainError(c echo.Context, f Failure) error {
	return c.String(f.Status, f.Title()+". "+f.Text+"\n")
}

// Problem is the body of an API error (RFC 9457). Type is stable.
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail"`
	Instance  string         `json:"instance,omitempty"`
	RequestID string         `json:"request_id"`
	Errors    []ProblemField `json:"errors,omitempty"`
}

// ProblemField says what is wrong with one part of the request; Pointer is a JSON pointer.
type ProblemField struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func (s *Server) answerProblem(c echo.Context, f Failure) error {
	p := Problem{
		Type: "/problems/" + string(f.kind), Title: titles[f.Status], Status: f.Status, Detail: f.Text,
		Instance: c.Request().URL.Path, RequestID: RequestID(c),
	}
	for _, e := range f.fields {
		p.Errors = append(p.Errors, ProblemField{Pointer: "/" + strings.TrimPrefix(e.Field, "/"), Detail: e.Message})
	}
	if f.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="portcullis"`)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.Blob(f.Status, "application/problem+json", body)
}
