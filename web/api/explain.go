package api

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

type explanationJSON struct {
	Verdict     string    `json:"verdict"`
	Statement   string    `json:"statement,omitempty"`
	Document    string    `json:"document,omitempty"`
	Sentence    string    `json:"sentence"`
	Revision    int64     `json:"revision"`
	At          time.Time `json:"at"`
	Change      int64     `json:"change,omitempty"`
	TrustPolicy any       `json:"trust_policy"`
	UserPolicy  any       `json:"user_policy"`
}

// explainRequest reads the query: whether a user can assume a role, from which network.
func explainRequest(q *transport.Query) change.ExplainRequest {
	return change.ExplainRequest{
		Account: access.AccountID(q.Text("account")), Role: q.Text("role"), User: q.Text("user"),
		SourceIP: q.Text("source_ip"), SourceVPC: q.Text("source_vpc"), SourceVPCE: q.Text("source_vpce"),
		MFA: q.Bool("mfa"), SessionName: q.Text("session_name"), SourceIdentity: q.Text("source_identity"),
		Revision: q.Number("revision", change.Head), At: q.Moment("at"), ChangeID: q.Number("change", 0),
	}
}

// Explainer answers whether a user can assume a role.
type Explainer interface {
	Explain(ctx context.Context, actor access.Actor, r change.ExplainRequest) (change.Explanation, error)
}

// explainAPI answers whether a user can assume a role.
type explainAPI struct {
	changes Explainer
}

func (s *explainAPI) answer(r request) (any, error) {
	ask := explainRequest(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	e, err := s.changes.Explain(r.Request().Context(), r.actor, ask)
	if err != nil {
		return nil, err
	}
	return explanationJSON{
		Verdict: string(e.Verdict), Statement: e.Statement, Document: e.Document, Sentence: e.Sentence, Revision: e.Revision, At: e.At.UTC(),
		Change: ask.ChangeID, TrustPolicy: document(e.TrustPolicy), UserPolicy: document(e.UserPolicy),
	}, nil
}
