package webtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// FoundAt is when the samples of findings were found.
var FoundAt = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

type organization struct {
	Synced   int
	Record   access.OrganizationRecord
	Accepted []string
	Left     access.Page[access.LeftBehind]
	Ended    bool  // whether a sync ends while it is waited for
	Failed   error // why it fails then
	drifts
}

// drifts answers with what a test has put in, and writes down what was asked.
type drifts struct {
	Found  access.Page[access.Finding]
	Groups access.Page[access.FindingGroup]
	Asked  access.FindingQuery
	Did    []string
}

func (o *organization) Sync(context.Context, access.Actor) error {
	o.Synced++
	return nil
}

func (o *organization) SyncAndWait(ctx context.Context, actor access.Actor, _ time.Duration) (bool, error) {
	return o.Ended, cmp.Or(o.Sync(ctx, actor), o.Failed)
}

func (o *organization) Organization(context.Context, access.Actor, int) (access.OrganizationRecord, error) {
	return o.Record, nil
}

func (o *organization) AcceptSync(_ context.Context, actor access.Actor,
	reference string,
) (access.SyncConfirmation, error) {
	o.Accepted = append(o.Accepted, actor.Name+" "+reference)
	err := o.Record.Awaits.Accept(actor, nil, access.Groups{}, false, FoundAt)
	return *o.Record.Awaits, err
}

func (o *organization) LeftBehind(context.Context, access.Actor, access.PageQuery) (access.Page[access.LeftBehind],
	error,
) {
	return o.Left, nil
}

func (d *drifts) Findings(_ context.Context, _ access.Actor, q access.FindingQuery) (access.Page[access.Finding], error) {
	d.Asked = q
	return d.Found, nil
}

func (d *drifts) Finding(_ context.Context, _ access.Actor, id int64) (access.Finding, error) {
	for _, f := range d.Found.Items {
		if f.ID == id {
			return f, nil
		}
	}
	return access.Finding{}, access.Errorf(access.KindNotFound, "There is no finding %d.", id)
}

func (d *drifts) FindingCounts(context.Context, access.Actor) (access.FindingCounts, error) {
	counts := access.FindingCounts{}
	for _, f := range d.Found.Items {
		counts[f.Kind]++
	}
	return counts, nil
}

func (d *drifts) Acknowledge(_ context.Context, actor access.Actor, id int64, digest, reason string) (access.Finding, error) {
	f, err := d.Finding(context.Background(), actor, id)
	if err == nil {
		err = f.Acknowledge(actor, FoundAt, digest, reason)
	}
	d.Did = append(d.Did, fmt.Sprintf("acknowledge %d %q", id, reason))
	return f, err
}

func (d *drifts) FindingGroups(_ context.Context, _ access.Actor, q access.FindingQuery) (access.Page[access.FindingGroup], error) {
	d.Asked = q
	return d.Groups, nil
}

func (d *drifts) SelectFindings(context.Context, access.Actor, access.FindingQuery) (access.FindingSelection, error) {
	return access.FindingSelection{Count: len(d.Found.Items), Fingerprint: "cafe"}, nil
}

func (d *drifts) AcknowledgeTogether(_ context.Context, actor access.Actor, choice access.FindingChoice, reason string) (int, error) {
	d.Did = append(d.Did, fmt.Sprintf("together %v %s %s %q", choice.Digests, choice.Query.Group, choice.Fingerprint, reason))
	if err := choice.Check(); err != nil {
		return 0, err
	}
	if choice.Digests == nil { // as the store would
		choice.Fingerprint = access.Fingerprint(d.Found.Items)
	}
	return len(d.Found.Items), choice.Acknowledge(slices.Clone(d.Found.Items), actor, FoundAt, reason)
}

func (d *drifts) Reopen(_ context.Context, actor access.Actor, id int64) (access.Finding, error) {
	d.Did = append(d.Did, fmt.Sprintf("reopen %d", id))
	return d.Finding(context.Background(), actor, id)
}

func (d *drifts) Repair(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	d.Did = append(d.Did, fmt.Sprintf("repair %d", id))
	return access.Rollout{ID: 12, State: access.RolloutRunning}, nil
}

func (d *drifts) Scan(context.Context, access.Actor) error {
	d.Did = append(d.Did, "scan")
	return nil
}
