package transport

import (
	"bufio"
	"context"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

const (
	// downloadTimeout ends a download whose reader is too slow: it holds a connection to
	// the database.
	downloadTimeout = 5 * time.Minute
	// downloadsAtOnce leaves the other connections to everybody else.
	downloadsAtOnce = 4
	// downloadPatience is how long one more waits for its turn.
	downloadPatience = 10 * time.Second
	downloadBuffer   = 32 << 10
)

// File is a file that is sent while it is being read, so that a long one needs no
// more memory than a short one, and its first byte does not wait for its last.
type File struct {
	c echo.Context
	w *bufio.Writer // nil until the head is sent
}

// begin sends the head. What fails before is answered as everywhere; what fails after it
// breaks the connection off, so that nobody takes half a file for a whole one.
func (d *File) begin(contentType, name string) {
	Attach(d.c, contentType, name)
	d.c.Response().WriteHeader(http.StatusOK)
	d.w = bufio.NewWriterSize(d.c.Response(), downloadBuffer)
}

// Write adds to the file.
func (d *File) Write(p []byte) (int, error) { return d.w.Write(p) }

// Attach makes the answer a file to be kept under a name.
func Attach(c echo.Context, contentType, name string) {
	h := c.Response().Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": strings.Map(inFileName, name)}))
}

// inFileName keeps what a name is made of, so that no name leads out of a folder or
// reads as something else.
func inFileName(r rune) rune {
	if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) || unicode.Is(unicode.Cf, r) {
		return '-'
	}
	return r
}

// SendFile answers a request with a file, piece by piece.
type SendFile func(c echo.Context, actor access.Actor, d *File) error

// streamed answers a request with a download.
func (s *Server) streamed(send SendFile) Handler {
	return func(c echo.Context, actor access.Actor) error {
		leave, err := s.downloads.enter(c.Request().Context())
		if err != nil {
			return err
		}
		defer leave()
		whole := c.Request()
		defer c.SetRequest(whole)
		ctx, cancel := context.WithTimeout(whole.Context(), downloadTimeout)
		defer cancel()
		c.SetRequest(whole.WithContext(ctx))
		// The server's write timeout is meant for pages.
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(downloadTimeout))
		d := &File{c: c}
		err = send(c, actor, d)
		if err == nil {
			err = d.w.Flush()
		}
		if err != nil && d.w != nil {
			s.cfg.Log.ErrorContext(ctx, "a download broke off", "path", whole.URL.Path, "error", err, "request_id", RequestID(c))
			panic(http.ErrAbortHandler)
		}
		return err
	}
}

// Download adds a route that is answered with a file, for browsers.
func (s *Server) Download(path string, p authz.Permission, send SendFile) {
	s.Stream(path, p, s.streamed(send))
}

// APIDownload adds a route that is answered with a file, for programs.
func (s *Server) APIDownload(path string, p authz.Permission, send SendFile) {
	s.APIStream(path, p, s.streamed(send))
}

// concurrencyLimit bounds how many run at the same time.
type concurrencyLimit chan struct{}

func (t concurrencyLimit) enter(ctx context.Context) (leave func(), err error) {
	patience := time.NewTimer(downloadPatience)
	defer patience.Stop()
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-patience.C:
		return nil, access.Errorf(access.KindUnavailable, "Others are downloading at this moment. Try again in a minute.")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// SendBytes answers with a body that is there as a whole.
func SendBytes(c echo.Context, contentType string, body []byte) error {
	return c.Blob(http.StatusOK, contentType, body)
}
