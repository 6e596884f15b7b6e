package transport

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// An answer is held back until it is whole and then packed in one go, which costs half of
// packing it bit by bit and lets its length be told. Shorter ones than packAbove are not
// worth it; longer ones than heldUpTo, such as exports, are packed as they come.
const (
	packAbove = 1 << 10
	heldUpTo  = 96 << 10
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one
	return w
}}

// pack packs pages and answers of the API for whoever can unpack them. Assets are packed
// already, and a stream must reach the browser piece by piece.
func (s *Server) pack(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.Path
		if strings.HasPrefix(path, "/assets/") || strings.HasSuffix(path, "/events") {
			return next(c)
		}
		res := c.Response()
		res.Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if !strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
			return next(c)
		}
		held, _ := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(held)
		held.Reset()
		p := &packed{ResponseWriter: res.Writer, held: held}
		res.Writer = p
		defer func() { res.Writer, p.over = p.ResponseWriter, true }()
		err := next(c)
		if failed := p.close(); err == nil {
			err = failed
		}
		return err
	}
}

// packed is an answer on its way.
type packed struct {
	http.ResponseWriter
	status int           // that was asked for; 0 before
	held   *bytes.Buffer // the beginning, until it is known how it goes on
	stream *gzip.Writer  // in place of it, where the answer is long
	over   bool          // what is said from now on goes out as it is
}

// WriteHeader notes the status: it is sent with the first bytes.
func (p *packed) WriteHeader(status int) {
	switch {
	case p.over:
		p.ResponseWriter.WriteHeader(status)
	case p.status == 0:
		p.status = status
	}
}

// Write holds the bytes back, or packs them where there have been too many.
func (p *packed) Write(b []byte) (int, error) {
	if p.over {
		return p.ResponseWriter.Write(b)
	}
	p.WriteHeader(http.StatusOK)
	if p.stream == nil && p.held.Len()+len(b) > heldUpTo {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	if p.stream != nil {
		return p.stream.Write(b)
	}
	return p.held.Write(b)
}

// FlushError sends what there is.
func (p *packed) FlushError() error {
	if p.over {
		return http.NewResponseController(p.ResponseWriter).Flush()
	}
	p.WriteHeader(http.StatusOK)
	if p.stream == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	if err := p.stream.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Unwrap lets deadlines be set.
func (p *packed) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// begin packs what was held back, and from now on what comes.
func (p *packed) begin() error {
	p.Header().Del(echo.HeaderContentLength)
	p.sendHeader()
	p.stream, _ = packers.Get().(*gzip.Writer)
	p.stream.Reset(p.ResponseWriter)
	_, err := p.stream.Write(p.held.Bytes())
	return err
}

func (p *packed) sendHeader() {
	h := p.Header()
	h.Set(echo.HeaderContentEncoding, "gzip")
	if h.Get(echo.HeaderContentType) == "" {
		h.Set(echo.HeaderContentType, http.DetectContentType(p.held.Bytes()))
	}
	p.ResponseWriter.WriteHeader(p.status)
}

// close sends the rest.
func (p *packed) close() error {
	switch {
	case p.stream != nil:
		err := p.stream.Close()
		packers.Put(p.stream)
		return err
	case p.status == 0:
		return nil // an error is answered outside
	case p.held.Len() < packAbove:
		p.ResponseWriter.WriteHeader(p.status)
		if p.held.Len() == 0 {
			return nil
		}
		_, err := p.ResponseWriter.Write(p.held.Bytes())
		return err
	default:
		return p.whole()
	}
}

// whole packs the answer in one go.
func (p *packed) whole() error {
	out, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(out)
	out.Reset()
	w, _ := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(out)
	if _, err := w.Write(p.held.Bytes()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	p.Header().Set(echo.HeaderContentLength, strconv.Itoa(out.Len()))
	p.sendHeader()
	_, err := p.ResponseWriter.Write(out.Bytes())
	return err
}
