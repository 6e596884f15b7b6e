package web_test

import (
	"context"
	"fmt"
	"slices"

	"portcullis/internal/access"
)

type organization struct {
	synced int
	drifts // findings_test.go
}

// drifts answers with what a test has put in, and writes down what was asked.
type drifts struct {
	found  access.Page[access.Finding]
	groups access.Page[access.FindingGroup]
	asked  access.FindingQuery
	did    []string
}

func (o *organization) Sync(context.Context, access.Actor) error {
	o.synced++
	return nil
}

func (d *drifts) Findings(_ context.Context, _ access.Actor, q access.FindingQuery) (access.Page[access.Finding], error) {
	d.asked = q
	return d.found, nil
}

func (d *drifts) Finding(_ context.Context, _ access.Actor, id int64) (access.Finding, error) {
	for _, f := range d.found.Items {
		if f.ID == id {
			return f, nil
		}
	}
	return access.Finding{}, access.Errorf(access.KindNotFound, "There is no finding %d.", id)
}

func (d *drifts) FindingCounts(context.Context, access.Actor) (access.FindingCounts, error) {
	counts := access.FindingCounts{}
	for _, f := range d.found.Items {
		counts[f.Kind]++
	}
	return counts, nil
}

func (d *drifts) Acknowledge(_ context.Context, actor access.Actor, id int64, digest, reason string) (access.Finding, error) {
	f, err := d.Finding(context.Background(), actor, id)
	if err == nil {
		err = f.Acknowledge(actor, foundAt, digest, reason)
	}
	d.did = append(d.did, fmt.Sprintf("acknowledge %d %q", id, reason))
	return f, err
}

func (d *drifts) FindingGroups(_ context.Context, _ access.Actor, q access.FindingQuery) (access.Page[access.FindingGroup], error) {
	d.asked = q
	return d.groups, nil
}

func (d *drifts) SelectFindings(context.Context, access.Actor, access.FindingQuery) (access.FindingSelection, error) {
	return access.FindingSelection{Count: len(d.found.Items), Fingerprint: "cafe"}, nil
}

func (d *drifts) AcknowledgeTogether(_ context.Context, actor access.Actor, choice access.FindingChoice, reason string) (int, error) {
	d.did = append(d.did, fmt.Sprintf("together %v %s %s %q", choice.Digests, choice.Query.Alike, choice.Fingerprint, reason))
	if err := choice.Check(); err != nil {
		return 0, err
	}
	if choice.Digests == nil { // as the store would
		choice.Fingerprint = access.Fingerprint(d.found.Items)
	}
	return len(d.found.Items), choice.Acknowledge(slices.Clone(d.found.Items), actor, foundAt, reason)
}

func (d *drifts) Reopen(_ context.Context, actor access.Actor, id int64) (access.Finding, error) {
	d.did = append(d.did, fmt.Sprintf("reopen %d", id))
	return d.Finding(context.Background(), actor, id)
}

func (d *drifts) Repair(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	d.did = append(d.did, fmt.Sprintf("repair %d", id))
	return access.Rollout{ID: 12, State: access.RolloutRunning}, nil
}

func (d *drifts) Scan(context.Context, access.Actor) error {
	d.did = append(d.did, "scan")
	return nil
}
