package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// listen opens a port, and says in words why it cannot.
func listen(ctx context.Context, what, addr, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, access.Wrap(access.KindUnavailable, reason(err), "%s cannot listen on %s: the port is in use. Stop the program that uses it, or choose another port with %s", what, addr, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, access.Wrap(access.KindUnavailable, reason(err), "%s cannot listen on %s: this user may not use that port. Choose one above 1023 with %s", what, addr, flag)
	default:
		return nil, access.Wrap(access.KindInvalid, reason(err), "%s cannot listen on %s. Give an address and a port, such as 127.0.0.1:8080, with %s", what, addr, flag)
	}
}

// reason leaves out what the message says already.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// listenMetrics opens the port for /metrics. Another replica on the same machine may use the
// default port: then listenMetrics uses a free one.
func listenMetrics(ctx context.Context, addr string, log *slog.Logger) (net.Listener, error) {
	if addr != "" {
		return listen(ctx, "The metrics", addr, "--metrics-listen")
	}
	l, err := listen(ctx, "The metrics", DefaultMetricsListen, "--metrics-listen")
	if err == nil {
		return l, nil
	}
	log.Warn("the default port for metrics is in use; using another", "default", DefaultMetricsListen)
	return listen(ctx, "The metrics", "127.0.0.1:0", "--metrics-listen")
}

// door answers from the first moment on: /healthz with 200, since the process lives,
// and everything else with 503 until it is opened.
type door struct{ handler atomic.Pointer[http.Handler] }

func (d *door) open(h http.Handler) { d.handler.Store(&h) }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == "/healthz" {
		fmt.Fprintln(w, "ok")
		return
	}
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, "The console is starting. Try again in a moment.")
}

// The limits on slow clients. Streams lift the write limit for themselves.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// serve answers on a listener until it is shut down. An end before that goes to failed.
func serve(l net.Listener, h http.Handler, log *slog.Logger, failed func(error)) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed(fmt.Errorf("serving on %s: %w", l.Addr(), err))
		}
	}()
	return srv
}

// shutdown lets requests in flight end, and cuts off those that do not in time.
func shutdown(srv *http.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := srv.Shutdown(ctx); err != nil {
			return errors.Join(err, srv.Close())
		}
		return nil
	}
}
