package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"portcullis.internal/portcullis/internal/access"
)

// fakeIdentity is an AWS that accepts the console's credentials or not.
type fakeIdentity struct {
	refused  error
	unread   error // why the organization cannot be read
	external bool
	asked    int
}

func (f *fakeIdentity) CredentialsRefused() (time.Time, error) {
	return time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), f.refused
}

func (f *fakeIdentity) Identity(context.Context) (access.CallerIdentity, error) {
	f.asked++
	return access.CallerIdentity{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/console"}, f.refused
}

func (f *fakeIdentity) ReadableOrganization(context.Context) (string, error) { return "o-1", f.unread }

func (f *fakeIdentity) LacksExternalID() bool { return !f.external }

// reportedWords are the last words of ReportRefused.
type reportedWords struct{ words string }

func (r *reportedWords) ReportRefused(_ context.Context, replica string, _ time.Time, words string) error {
	r.words = strings.TrimSpace(replica + " " + words)
	return nil
}

func newGuard(cloud *fakeIdentity) (*credentialsGuard, *reportedWords, *bytes.Buffer) {
	log, reported := &bytes.Buffer{}, &reportedWords{}
	return &credentialsGuard{
		cloud: cloud, store: reported, replica: "console-2", fetch: &rolloutFetch{},
		log: slog.New(slog.NewTextHandler(log, nil)),
	}, reported, log
}

// wantLines fails unless the log has each of some pairs of a level and a text once.
func wantLines(t *testing.T, log *bytes.Buffer, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		n := 0
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "level="+pairs[i]) && strings.Contains(line, pairs[i+1]) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines at %s with %q, want one:\n%s", n, pairs[i], pairs[i+1], log)
		}
	}
}

func TestStartLogsWhoTheConsoleIs(t *testing.T) {
	g, reported, log := newGuard(&fakeIdentity{external: true})
	g.start(t.Context())
	g.logOrganization(t.Context())
	wantLines(t, log, "INFO", "identity=arn:aws:iam::111122223333:user/console", "INFO", "organization=o-1")
	if reported.words != "" || strings.Contains(log.String(), "external id") {
		t.Errorf("reported %q; the log: %s", reported.words, log)
	}
	g, _, log = newGuard(&fakeIdentity{unread: &access.CloudError{Code: "AccessDenied", Advice: "Delegate."}})
	g.start(t.Context())
	g.logOrganization(t.Context())
	wantLines(t, log, "WARN", "Delegate.", "WARN", "without an external id")
}

// TestGuardFollowsRefusedCredentials refuses the credentials from the start, and accepts them later.
func TestGuardFollowsRefusedCredentials(t *testing.T) {
	cloud := &fakeIdentity{external: true, refused: &access.CloudError{Code: "ExpiredToken", Advice: "Check the key."}}
	g, reported, log := newGuard(cloud)
	g.start(t.Context())
	g.look(t.Context())
	wantLines(t, log, "ERROR", "Check the key.")
	if !strings.Contains(reported.words, "console-2") || !strings.Contains(reported.words, "Check the key.") {
		t.Errorf("reported %q", reported.words)
	}
	if err := refusal(cloud); access.KindOf(err) != access.KindUnavailable ||
		!strings.Contains(access.MessageOf(err), "since 2026-11-30T09:00:00Z") {
		t.Errorf("not ready: %v", err)
	}
	g.askIfDue(t.Context())
	if cloud.asked != 1 {
		t.Errorf("AWS was asked %d times, want once until it is due", cloud.asked)
	}
	g.askedAt = time.Now().Add(-askRefused)
	g.askIfDue(t.Context())
	if cloud.asked != 2 {
		t.Errorf("AWS was asked %d times, want again when it is due", cloud.asked)
	}
	cloud.refused = nil
	g.look(t.Context())
	g.look(t.Context())
	wantLines(t, log, "INFO", "accepts the console's own credentials again")
	if reported.words != "console-2" || refusal(cloud) != nil {
		t.Errorf("reported %q, not ready: %v; want neither", reported.words, refusal(cloud))
	}
}

func TestFailedJobsAreLogged(t *testing.T) {
	var log bytes.Buffer
	f := failedJobs{slog.New(slog.NewTextHandler(&log, nil))}
	job := &rivertype.JobRow{ID: 7, Kind: "sync_organization", Attempt: 1, MaxAttempts: 25, EncodedArgs: []byte("{}")}
	if got := f.HandleError(t.Context(), job, errors.New("no answer")); got != nil {
		t.Errorf("the retry is changed: %+v", got)
	}
	f.HandlePanic(t.Context(), job, "boom", "trace")
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	f.HandleError(stopped, job, errors.New("the console stops"))
	wantLines(t, &log, "WARN", "no answer", "ERROR", "boom")
	if strings.Contains(log.String(), "the console stops") {
		t.Errorf("a stop is logged as a failure: %s", log.String())
	}
}
