package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
)

func TestStackStopsInReverse(t *testing.T) {
	var s stack
	var got []string
	for _, name := range []string{"database", "workers", "pages"} {
		s.push(name, func(context.Context) error {
			got = append(got, name)
			if name == "workers" {
				return errors.New("stuck")
			}
			return nil
		})
	}
	err := s.stop(t.Context())
	if diff := cmp.Diff([]string{"pages", "workers", "database"}, got); diff != "" {
		t.Errorf("stopped in the wrong order (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), "stopping workers: stuck") {
		t.Errorf("error = %v, want the one of the workers", err)
	}
	if again := s.stop(t.Context()); again != nil {
		t.Errorf("stopping twice: %v, want nothing left to stop", again)
	}
}

func TestSupervisorStartsAgain(t *testing.T) {
	s := newSupervisor(slog.New(slog.DiscardHandler))
	s.pause = time.Millisecond
	var runs atomic.Int32
	third := make(chan struct{})
	s.start(t.Context(), map[string]func(context.Context) error{"flaky": func(ctx context.Context) error {
		switch runs.Add(1) {
		case 1:
			return errors.New("no luck")
		case 2:
			panic("worse luck")
		default:
			close(third)
			<-ctx.Done()
			return nil
		}
	}})
	select {
	case <-third:
	case <-time.After(10 * time.Second):
		t.Fatalf("started %d times, want 3", runs.Load())
	}
	if err := s.stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	if got := runs.Load(); got != 3 {
		t.Errorf("started %d times, want 3: a part that ends when told to is not started again", got)
	}
}

func TestSupervisorDoesNotWaitForEver(t *testing.T) {
	s := newSupervisor(slog.New(slog.DiscardHandler))
	release := make(chan struct{})
	defer close(release)
	s.start(t.Context(), map[string]func(context.Context) error{"stubborn": func(context.Context) error { <-release; return nil }})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v, want the deadline", err)
	}
}

func TestDoorBeforeAndAfter(t *testing.T) {
	d := &door{}
	get := func(path string) int {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	if got := get("/healthz"); got != http.StatusOK {
		t.Errorf("/healthz before: %d, want 200: the process lives", got)
	}
	for _, path := range []string{"/readyz", "/", "/api/v1/state"} {
		if got := get(path); got != http.StatusServiceUnavailable {
			t.Errorf("%s before: %d, want 503", path, got)
		}
	}
	d.open(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	if got := get("/"); got != http.StatusTeapot {
		t.Errorf("/ after: %d, want the console's own answer", got)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := listen(t.Context(), "The console", "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = listen(t.Context(), "The console", l.Addr().String(), "--listen")
	if err == nil {
		t.Fatal("a port was given out twice")
	}
	for _, want := range []string{"The console", l.Addr().String(), "in use", "--listen"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %q, want it to say %q", err, want)
		}
	}
	if _, err = listen(t.Context(), "The console", "nonsense", "--listen"); access.KindOf(err) != access.KindInvalid {
		t.Errorf("listening on nonsense: %v, want a refusal", err)
	}
}

func TestMetricsFallBackOnlyWhenNobodyChose(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	first, err := listenMetrics(t.Context(), "", log)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := listenMetrics(t.Context(), "", log) // the default port is in use now
	if err != nil {
		t.Fatalf("a second process on the machine: %v", err)
	}
	defer second.Close()
	if _, err := listenMetrics(t.Context(), second.Addr().String(), log); err == nil {
		t.Error("a port that was asked for and is in use was replaced silently")
	}
}
