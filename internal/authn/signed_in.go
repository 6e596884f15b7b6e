package authn

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// The values of a session about the client that opened it; the list of sessions shows them.
const (
	SessionPerson = "person" // int64
	SessionSince  = "since"  // int64, the generation of their sessions that it is of
	SessionAddr   = "addr"
	SessionAgent  = "agent"
	SessionOpened = "opened" // int64, in Unix time
)

// signedIn is what the values of a session say of it.
func signedIn(values map[string]any) access.SignedIn {
	o := access.SignedIn{}
	o.PersonID, _ = values[SessionPerson].(int64)
	o.Generation, _ = values[SessionSince].(int64)
	o.Addr, _ = values[SessionAddr].(string)
	o.Agent, _ = values[SessionAgent].(string)
	if at, ok := values[SessionOpened].(int64); ok {
		o.OpenedAt = time.Unix(at, 0).UTC()
	}
	return o
}

func isOwn(actor access.Actor, personID int64) bool {
	return actor.Kind == access.ActorPerson && actor.PersonID == personID
}

// mayKeep lets people see to their own password and sessions, and an admin to anybody's.
func mayKeep(actor access.Actor, personID int64) error {
	if isOwn(actor, personID) {
		return authz.Require(actor, authz.ManageOwnAccount)
	}
	return authz.Require(actor, authz.ManagePeople)
}

// Sessions lists the open sessions of a person: one's own, or, for an admin, anybody's.
// Here is the token of the session in which that is asked.
func (s *Service) Sessions(ctx context.Context, actor access.Actor, personID int64, here string) ([]access.SignedIn, error) {
	if err := mayKeep(actor, personID); err != nil {
		return nil, err
	}
	open, err := s.Store.Sessions(ctx, personID, digest(here))
	if err != nil {
		return nil, fmt.Errorf("listing the sessions of person %d: %w", personID, err)
	}
	return open, nil
}

// EndSession ends one of the caller's own sessions.
func (s *Service) EndSession(ctx context.Context, actor access.Actor, id int64) error {
	if err := authz.Require(actor, authz.ManageOwnAccount); err != nil {
		return err
	}
	event := access.NewAuditEvent(actor, s.Now(), "person.session_end", personObject(actor.PersonID), map[string]any{"session": id})
	if err := s.Store.EndSession(ctx, actor.PersonID, id, event); err != nil {
		return fmt.Errorf("ending session %d: %w", id, err)
	}
	return nil
}

// EndSessions signs a person out everywhere, and revokes their API tokens where that is
// asked for. It returns the generation with which the caller's own session can go on.
func (s *Service) EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error) {
	if err := mayKeep(actor, personID); err != nil {
		return 0, err
	}
	event := access.NewAuditEvent(actor, s.Now(), "person.sessions_end", personObject(personID), map[string]any{"tokens_kept": !tokens})
	if generation, err = s.Store.EndSessions(ctx, personID, tokens, event); err != nil {
		return 0, fmt.Errorf("ending the sessions of person %d: %w", personID, err)
	}
	return generation, nil
}
