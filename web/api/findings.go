package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

type acknowledgementJSON struct {
	By     personJSON `json:"by"`
	At     time.Time  `json:"at"`
	Reason string     `json:"reason"`
}

type findingJSON struct {
	ID              int64                `json:"id"`
	Account         string               `json:"account"`
	AccountName     string               `json:"account_name"`
	Kind            string               `json:"kind"`
	Reason          string               `json:"reason"`
	State           string               `json:"state"`
	Resource        *access.Resource     `json:"resource,omitempty"`
	Subject         string               `json:"subject,omitempty"`
	Sentence        string               `json:"sentence"`
	Advice          string               `json:"advice"`
	Digest          string               `json:"digest"`
	FirstSeen       time.Time            `json:"first_seen"`
	LastSeen        time.Time            `json:"last_seen"`
	ResolvedAt      time.Time            `json:"resolved_at,omitzero"`
	Acknowledgement *acknowledgementJSON `json:"acknowledgement,omitempty"`
}

func toFindingJSON(f access.Finding) findingJSON {
	out := findingJSON{
		ID: f.ID, Account: string(f.Account), AccountName: f.AccountName, Kind: string(f.Kind), Reason: string(f.Reason), State: string(f.State()),
		Subject: f.Subject, Sentence: f.Sentence, Advice: f.Advice, Digest: f.Digest(),
		FirstSeen: f.FirstSeen.UTC(), LastSeen: f.LastSeen.UTC(), ResolvedAt: f.ResolvedAt.UTC(),
	}
	if f.Resource.Name != "" {
		out.Resource = &f.Resource
	}
	if f.Ack != nil {
		out.Acknowledgement = &acknowledgementJSON{By: toPersonJSON(f.Ack.By), At: f.Ack.At.UTC(), Reason: f.Ack.Reason}
	}
	return out
}

type findingDetailJSON struct {
	findingJSON
	Live    json.RawMessage `json:"live"`
	Desired json.RawMessage `json:"desired"`
}

func toFindingDetailJSON(f access.Finding) findingDetailJSON {
	return findingDetailJSON{findingJSON: toFindingJSON(f), Live: document(f.Live), Desired: document(f.Desired)}
}

// FindingService reads and manages findings.
type FindingService interface {
	Findings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.Finding], error)
	Finding(ctx context.Context, actor access.Actor, id int64) (access.Finding, error)
	FindingGroups(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.FindingGroup], error)
	SelectFindings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.FindingSelection, error)
	Acknowledge(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Finding, error)
	AcknowledgeTogether(ctx context.Context, actor access.Actor, choice access.FindingChoice, reason string) (int, error)
	Reopen(ctx context.Context, actor access.Actor, id int64) (access.Finding, error)
	Repair(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Scan(ctx context.Context, actor access.Actor) error
}

// findingAPI answers about findings and manages them.
type findingAPI struct {
	findings FindingService
}

func (s *findingAPI) list(r request) (any, error) {
	q := transport.FindingQuery(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	found, err := s.findings.Findings(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(found, toFindingJSON), nil
}

func (s *findingAPI) one(r request) (any, error) {
	id, err := r.id("finding")
	if err != nil {
		return nil, err
	}
	f, err := s.findings.Finding(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	return toFindingDetailJSON(f), nil
}

type reasonJSON struct {
	Digest string `json:"digest"`
	Reason string `json:"reason"`
}

func (s *findingAPI) acknowledge(r request) (result, error) {
	id, err := r.id("finding")
	if err != nil {
		return result{}, err
	}
	in, err := body[reasonJSON](r)
	if err != nil {
		return result{}, err
	}
	f, err := s.findings.Acknowledge(r.Request().Context(), r.actor, id, in.Digest, in.Reason)
	if err != nil {
		return result{}, err
	}
	return result{body: toFindingDetailJSON(f)}, nil
}

func (s *findingAPI) reopen(r request) (result, error) {
	id, err := r.id("finding")
	if err != nil {
		return result{}, err
	}
	if err := noBody(r); err != nil {
		return result{}, err
	}
	f, err := s.findings.Reopen(r.Request().Context(), r.actor, id)
	if err != nil {
		return result{}, err
	}
	return result{body: toFindingDetailJSON(f)}, nil
}

// repair starts a rollout of the head to the account of a finding.
func (s *findingAPI) repair(r request) (result, error) {
	id, err := r.id("finding")
	if err != nil {
		return result{}, err
	}
	if err := noBody(r); err != nil {
		return result{}, err
	}
	rollout, err := s.findings.Repair(r.Request().Context(), r.actor, id)
	if err != nil {
		return result{}, err
	}
	answer := rolloutAnswer(rollout)
	answer.status, answer.location = http.StatusCreated, rolloutURL(rollout.ID)
	return answer, nil
}

func (s *findingAPI) scan(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	return result{status: http.StatusAccepted}, s.findings.Scan(r.Request().Context(), r.actor)
}
