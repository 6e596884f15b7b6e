package transport

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// streamLook is how long a stream goes on before it asks again who reads it.
	streamLook = 5 * time.Second
	// StreamLife ends a stream, so that whoever forgot one open asks again.
	StreamLife = 10 * time.Minute
	// StreamBeat keeps proxies from closing a stream on which nothing happens.
	StreamBeat = 20 * time.Second
)

// EventWriter writes server-sent events.
type EventWriter struct {
	http *echo.Response
	ctl  *http.ResponseController
}

// NewEventWriter opens a stream of events as the answer to a request.
func NewEventWriter(c echo.Context) (EventWriter, error) {
	w := EventWriter{http: c.Response(), ctl: http.NewResponseController(c.Response())}
	h := w.http.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	// The server's write timeout is meant for pages; a stream stays open.
	if err := w.ctl.SetWriteDeadline(time.Time{}); err != nil {
		return w, fmt.Errorf("opening a stream: %w", err)
	}
	w.http.WriteHeader(http.StatusOK)
	return w, w.ctl.Flush()
}

// Write sends one event. Each line of it gets its own data field, as the format wants it.
func (w EventWriter) Write(event, data string) error {
	var b strings.Builder
	b.WriteString("event: " + event + "\n")
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + strings.TrimRight(line, "\r") + "\n")
	}
	b.WriteString("\n")
	if _, err := w.http.Write([]byte(b.String())); err != nil {
		return err
	}
	return w.ctl.Flush()
}

// Beat sends a comment, which browsers pass over.
func (w EventWriter) Beat() error {
	if _, err := w.http.Write([]byte(": here\n\n")); err != nil {
		return err
	}
	return w.ctl.Flush()
}
