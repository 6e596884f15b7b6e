package rollout

import (
	"context"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// unreachableStore panics when it is asked anything: authorisation comes first.
type unreachableStore struct{ Store }

func TestEveryMethodAuthorisesFirst(t *testing.T) {
	s := New(Config{Store: unreachableStore{}})
	nobody := access.Actor{}
	viewer := access.Actor{Kind: access.ActorPerson, PersonID: 1, Roles: []access.Role{access.RoleViewer, access.RoleEditor, access.RoleApprover, access.RoleAuditor, access.RoleAdmin}}
	reads := map[string]func(context.Context, access.Actor) error{
		"Rollouts": func(ctx context.Context, a access.Actor) error {
			_, err := s.Rollouts(ctx, a, access.RolloutQuery{})
			return err
		},
		"Rollout": func(ctx context.Context, a access.Actor) error { _, err := s.Rollout(ctx, a, 1); return err },
		"Targets": func(ctx context.Context, a access.Actor) error {
			_, err := s.Targets(ctx, a, 1, access.TargetQuery{})
			return err
		},
		"Target":     func(ctx context.Context, a access.Actor) error { _, err := s.Target(ctx, a, 1, "1"); return err },
		"Operations": func(ctx context.Context, a access.Actor) error { _, err := s.Operations(ctx, a, 1, "1"); return err },
		"Watch":      func(ctx context.Context, a access.Actor) error { _, err := s.Watch(ctx, a, 1); return err },
	}
	controls := map[string]func(context.Context, access.Actor) error{
		"Pause":  func(ctx context.Context, a access.Actor) error { _, err := s.Pause(ctx, a, 1); return err },
		"Resume": func(ctx context.Context, a access.Actor) error { _, err := s.Resume(ctx, a, 1); return err },
		"Abort":  func(ctx context.Context, a access.Actor) error { _, err := s.Abort(ctx, a, 1, "because"); return err },
		"Retry":  func(ctx context.Context, a access.Actor) error { _, err := s.Retry(ctx, a, 1); return err },
	}
	for name, call := range reads {
		if got := access.KindOf(call(t.Context(), nobody)); got != access.KindUnauthenticated {
			t.Errorf("%s by nobody: %s, want unauthenticated", name, got)
		}
	}
	for name, call := range controls {
		if got := access.KindOf(call(t.Context(), nobody)); got != access.KindUnauthenticated {
			t.Errorf("%s by nobody: %s, want unauthenticated", name, got)
		}
		if got := access.KindOf(call(t.Context(), viewer)); got != access.KindForbidden {
			t.Errorf("%s by everybody but an operator: %s, want forbidden", name, got)
		}
	}
}

func TestAbortWantsAReason(t *testing.T) {
	s := New(Config{Store: unreachableStore{}})
	operator := access.Actor{Kind: access.ActorPerson, PersonID: 1, Roles: []access.Role{access.RoleOperator}}
	for _, reason := range []string{"", "  \n", strings.Repeat("x", maxReason+1)} {
		_, err := s.Abort(t.Context(), operator, 1, reason)
		if access.KindOf(err) != access.KindInvalid || len(access.FieldsOf(err)) != 1 {
			t.Errorf("a reason of %d characters: got %v, want an invalid field", len(reason), err)
		}
	}
}
