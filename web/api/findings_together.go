package api

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

type findingGroupJSON struct {
	Group     string    `json:"group"`
	Kind      string    `json:"kind"`
	Reason    string    `json:"reason"`
	Sentence  string    `json:"sentence"`
	Findings  int       `json:"findings"`
	Accounts  int       `json:"accounts"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

func toFindingGroupJSON(g access.FindingGroup) findingGroupJSON {
	return findingGroupJSON{
		Group: g.Group, Kind: string(g.Newest.Kind), Reason: string(g.Newest.Reason), Sentence: g.Sentence(), Findings: g.Findings, Accounts: g.Accounts,
		FirstSeen: g.FirstSeen.UTC(), LastSeen: g.LastSeen.UTC(),
	}
}

func (s *findingAPI) groups(r request) (any, error) {
	q := transport.FindingQuery(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	groups, err := s.findings.FindingGroups(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(groups, toFindingGroupJSON), nil
}

type selectionJSON struct {
	Count     int    `json:"count"`
	Selection string `json:"selection"`
}

// selection says what matches, so that all of it can be acknowledged as it was.
func (s *findingAPI) selection(r request) (any, error) {
	q := transport.FindingQuery(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	found, err := s.findings.SelectFindings(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return selectionJSON{Count: found.Count, Selection: found.Fingerprint}, nil
}

type togetherJSON struct {
	Reason    string              `json:"reason"`
	Findings  []seenFindingJSON   `json:"findings"`
	Selection string              `json:"selection"`
	Filter    findingSelectorJSON `json:"filter"`
}

type seenFindingJSON struct {
	ID     int64  `json:"id"`
	Digest string `json:"digest"`
}

type findingSelectorJSON struct {
	Kind    access.FindingKind `json:"kind"`
	Account access.AccountID   `json:"account"`
	Group   string             `json:"group"`
	Search  string             `json:"q"`
}

func (t togetherJSON) choice() access.FindingChoice {
	choice := access.FindingChoice{Fingerprint: t.Selection, Query: access.FindingQuery{Account: t.Filter.Account, Group: t.Filter.Group, PageQuery: access.PageQuery{Search: t.Filter.Search}}}
	if t.Filter.Kind != "" {
		choice.Query.Kinds = []access.FindingKind{t.Filter.Kind}
	}
	if t.Selection == "" {
		choice.Digests = map[int64]string{}
	}
	for _, f := range t.Findings {
		choice.Digests[f.ID] = f.Digest
	}
	return choice
}

func (s *findingAPI) acknowledgeTogether(r request) (result, error) {
	in, err := body[togetherJSON](r)
	if err != nil {
		return result{}, err
	}
	if in.Selection != "" && len(in.Findings) > 0 {
		return result{}, access.Invalid("findings", "give single findings, or the selection of all that match, and not both")
	}
	n, err := s.findings.AcknowledgeTogether(r.Request().Context(), r.actor, in.choice(), in.Reason)
	if err != nil {
		return result{}, err
	}
	return result{body: map[string]int{"acknowledged": n}}, nil
}
