package server

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// ready says why the console is not ready; nil if it is.
func (s services) ready(ctx context.Context) error {
	if err := s.store.Writable(ctx); err != nil {
		return err
	}
	return refusal(s.cloud)
}

// checks are the lines of /readyz?verbose. Anyone may ask, so they name times and no account, identity or cause.
func (s services) checks(ctx context.Context) []transport.Check {
	checks := []transport.Check{{Name: "aws_credentials", Detail: "not refused"}}
	if err := refusal(s.cloud); err != nil {
		checks[0] = transport.Check{Name: "aws_credentials", Detail: access.MessageOf(err), Failed: true}
	}
	r, err := s.store.Organization(ctx, 0)
	if err != nil {
		return append(checks, transport.Check{Name: "database", Detail: "does not answer", Failed: true})
	}
	checks = append(checks, transport.Check{Name: "database", Detail: "answers"},
		reading("organization_sync", r.SyncedAt, r.ErrorAt),
		reading("account_scans", r.Scan.SucceededAt, r.Scan.ErrorAt))
	if u := r.Unanswered; u.Targets > 0 {
		checks = append(checks, transport.Check{
			Name: "aws_answers", Failed: true, Detail: "AWS does not answer since " + stamp(u.Since),
		})
	}
	return checks
}

// reading says how the last readings went. One that fails does not make the console unready.
func reading(name string, success, failure time.Time) transport.Check {
	return transport.Check{
		Name: name, Failed: failure.After(success),
		Detail: "last success " + stamp(success) + ", last error " + stamp(failure),
	}
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}
