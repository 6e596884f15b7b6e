package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Syncer has the organization read again.
type Syncer interface {
	Sync(ctx context.Context, actor access.Actor) error
	// SyncAndWait waits for the end of the reading, whose error is its error.
	SyncAndWait(ctx context.Context, actor access.Actor, most time.Duration) (ended bool, err error)
}

// OrganizationService says which organization the console serves, and takes the word of admins.
type OrganizationService interface {
	// Organization returns at most so many of the accounts that await confirmation.
	Organization(ctx context.Context, actor access.Actor, accounts int) (access.OrganizationRecord, error)
	AcceptSync(ctx context.Context, actor access.Actor, reference string) (access.SyncConfirmation, error)
	LeftBehind(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.LeftBehind], error)
}

// organizationAPI answers about the organization.
type organizationAPI struct {
	sync         Syncer
	organization OrganizationService
}

type organizationJSON struct {
	ID          *string                  `json:"id"` // null before the first sync
	RecordedAt  time.Time                `json:"recorded_at,omitzero"`
	LastSuccess *time.Time               `json:"last_success"`
	LastError   *syncErrorJSON           `json:"last_error"`
	LastScan    scanJSON                 `json:"last_scan"`
	Refused     []refusedJSON            `json:"refused_credentials"`
	Unanswered  *unansweredJSON          `json:"unanswered,omitempty"`
	Awaits      *confirmationJSON        `json:"awaits_confirmation"`
	LeftBehind  pageJSON[leftBehindJSON] `json:"left_behind"`
}

type syncErrorJSON struct {
	Detail  string    `json:"detail"`
	At      time.Time `json:"at"`
	Account string    `json:"account,omitempty"`
	Replica string    `json:"replica,omitempty"`
}

type scanJSON struct {
	LastSuccess *time.Time     `json:"last_success"`
	LastError   *syncErrorJSON `json:"last_error"`
}

type refusedJSON struct {
	Replica string    `json:"replica"`
	Since   time.Time `json:"since"`
	SeenAt  time.Time `json:"seen_at"`
	Detail  string    `json:"detail"`
}

func toScanJSON(s access.ScanRecord) scanJSON {
	var out scanJSON
	if at := s.SucceededAt.UTC(); !at.IsZero() {
		out.LastSuccess = &at
	}
	if s.Error != "" {
		out.LastError = &syncErrorJSON{
			Detail: s.Error, At: s.ErrorAt.UTC(), Account: string(s.Account), Replica: s.Replica,
		}
	}
	return out
}

func toRefusedJSON(r access.RefusedReplica) refusedJSON {
	return refusedJSON{Replica: r.Replica, Since: r.Since.UTC(), SeenAt: r.SeenAt.UTC(), Detail: r.Error}
}

type confirmationJSON struct {
	Kind       string            `json:"kind"`
	Recorded   string            `json:"recorded"`
	Seen       string            `json:"seen"`
	Digest     string            `json:"digest"`
	Detail     string            `json:"detail"`
	AskedAt    time.Time         `json:"asked_at"`
	Vanished   []goneAccountJSON `json:"vanished"`
	Lost       int               `json:"lost"`
	Active     int               `json:"active"`
	AcceptedBy []acceptanceJSON  `json:"accepted_by"`
	AcceptedAt time.Time         `json:"accepted_at,omitzero"`
	Basis      string            `json:"basis,omitempty"`
}

type goneAccountJSON struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	OU    string `json:"ou"`
	State string `json:"state"`
}

type acceptanceJSON struct {
	By personJSON `json:"by"`
	At time.Time  `json:"at"`
}

type leftBehindJSON struct {
	Account   string             `json:"account"`
	Name      string             `json:"name"`
	State     string             `json:"state"`
	ReadAt    time.Time          `json:"read_at,omitzero"`
	Documents []leftDocumentJSON `json:"documents"`
}

type leftDocumentJSON struct {
	Resource  access.Resource `json:"resource"`
	WrittenAt time.Time       `json:"written_at,omitzero"`
}

func toConfirmationJSON(c access.SyncConfirmation) confirmationJSON {
	return confirmationJSON{
		Kind: string(c.Kind), Recorded: c.Recorded, Seen: c.Seen, Digest: c.Digest, Detail: c.Sentence(),
		AskedAt: c.AskedAt.UTC(),
		Vanished: convertAll(c.Vanished, func(a access.VanishedAccount) goneAccountJSON {
			return goneAccountJSON{ID: string(a.ID), Name: a.Name, OU: a.OU, State: string(a.State)}
		}),
		Lost: c.Lost, Active: c.Active,
		AcceptedBy: convertAll(c.Acceptances, func(a access.SyncAcceptance) acceptanceJSON {
			return acceptanceJSON{By: toPersonJSON(a.By), At: a.At.UTC()}
		}),
		AcceptedAt: c.AcceptedAt.UTC(), Basis: string(c.Basis),
	}
}

func toGoneAccountJSON(a access.Account) goneAccountJSON {
	return goneAccountJSON{ID: string(a.ID), Name: a.Name, OU: a.OU, State: string(a.State)}
}

func toLeftBehindJSON(l access.LeftBehind) leftBehindJSON {
	return leftBehindJSON{
		Account: string(l.Account.ID), Name: l.Account.Name, State: string(l.Account.State),
		ReadAt: l.Inventory.ReadAt.UTC(),
		Documents: convertAll(l.Documents, func(d access.LeftDocument) leftDocumentJSON {
			return leftDocumentJSON{Resource: d.Resource, WrittenAt: d.WrittenAt.UTC()}
		}),
	}
}

// fewLeftBehind is the number of accounts of left_behind in the answer about the organization. There is a list of all.
const fewLeftBehind = 20

// allVanished asks for every account: all that is confirmed must be in the answer.
const allVanished = 1 << 30

func (s *organizationAPI) one(r request) (any, error) {
	ctx := r.Request().Context()
	o, err := s.organization.Organization(ctx, r.actor, allVanished)
	if err != nil {
		return nil, err
	}
	left, err := s.organization.LeftBehind(ctx, r.actor, access.PageQuery{Limit: fewLeftBehind})
	if err != nil {
		return nil, err
	}
	out := organizationJSON{
		RecordedAt: o.RecordedAt.UTC(), LeftBehind: toPageJSON(left, toLeftBehindJSON), LastScan: toScanJSON(o.Scan),
		Refused: convertAll(o.Refused, toRefusedJSON), Unanswered: toUnansweredJSON(o.Unanswered),
	}
	if o.ID != "" {
		out.ID = &o.ID
	}
	if at := o.SyncedAt.UTC(); !at.IsZero() {
		out.LastSuccess = &at
	}
	if o.Error != "" {
		out.LastError = &syncErrorJSON{Detail: o.Error, At: o.ErrorAt.UTC(), Replica: o.Replica}
	}
	if o.Awaits != nil {
		c := toConfirmationJSON(*o.Awaits)
		out.Awaits = &c
	}
	return out, nil
}

func (s *organizationAPI) leftBehind(r request) (any, error) {
	q := access.PageQuery{
		Limit: int(min(r.query.Number("limit", 0), access.MaxPageSize)), Cursor: r.query.Text("cursor"),
	}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	list, err := s.organization.LeftBehind(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(list, toLeftBehindJSON), nil
}

type acceptJSON struct {
	Digest string `json:"digest"`
}

func (s *organizationAPI) accept(r request) (result, error) {
	in, err := body[acceptJSON](r)
	if err != nil {
		return result{}, err
	}
	c, err := s.organization.AcceptSync(r.Request().Context(), r.actor, in.Digest)
	if err != nil {
		return result{}, err
	}
	return result{body: toConfirmationJSON(c)}, nil
}

// longestWait is below the time limit of a request, so that the answer is still sent.
const longestWait = 28 * time.Second

// read asks for the organization to be read again, which happens in the background. With wait, it answers when that is
// done, or has failed.
func (s *organizationAPI) read(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	ctx, asked := r.Request().Context(), r.query.Text("wait")
	if err := r.query.Unknown(); err != nil {
		return result{}, err
	}
	if asked == "" {
		return result{status: http.StatusAccepted}, s.sync.Sync(ctx, r.actor)
	}
	wait, err := time.ParseDuration(asked)
	if err != nil || wait < 0 {
		return result{}, access.Invalid("wait", "%s is not a time to wait; write it like 30s", strconv.Quote(asked))
	}
	ended, err := s.sync.SyncAndWait(ctx, r.actor, min(wait, longestWait))
	switch {
	case err != nil:
		return result{}, err
	case !ended:
		return result{status: http.StatusAccepted}, nil
	}
	return result{status: http.StatusNoContent}, nil
}
