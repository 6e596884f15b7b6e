package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// planDocuments are the documents of a plan, by name: five to an operation, in the plan's
// order. The documents themselves stay packed in the plan until one is stored.
type planDocuments struct {
	plan   access.Plan
	names  [][sha256.Size]byte
	starts []int // of each target among all operations
}

// fields are the documents of one operation, in the order of plannedDocs.
const fields = 5

func documentsOf(op access.PlannedOperation) [fields]string {
	return [fields]string{op.Before, op.After, op.OursBefore, op.OursAfter, op.Requires}
}

// noDocument is the name of what is not there.
var noDocument [sha256.Size]byte

// storeDocumentsOf stores the documents of a plan, before rows name them.
func storeDocumentsOf(ctx context.Context, tx pgx.Tx, plan access.Plan) (planDocuments, error) {
	d := namesOf(plan)
	return d, d.save(ctx, tx)
}

func namesOf(plan access.Plan) planDocuments {
	d := planDocuments{plan: plan, names: make([][sha256.Size]byte, 0, fields*plan.Operations()), starts: make([]int, 0, plan.Len())}
	for t := range plan.Targets() {
		d.starts = append(d.starts, len(d.names)/fields)
		for _, op := range t.Operations {
			for _, body := range documentsOf(op) {
				name := noDocument
				if body != "" {
					name = sha256.Sum256([]byte(body))
				}
				d.names = append(d.names, name)
			}
		}
	}
	return d
}

// of are the names of the documents of an operation.
func (d *planDocuments) of(target, seq int) plannedDocs {
	at := fields * (d.starts[target] + seq)
	key := func(n int) []byte {
		if d.names[at+n] == noDocument {
			return nil
		}
		return d.names[at+n][:]
	}
	return plannedDocs{key(0), key(1), key(2), key(3), key(4)}
}

// body is the document with the n-th name.
func (d *planDocuments) body(n int) string {
	op := n / fields
	target := sort.Search(len(d.starts), func(i int) bool { return d.starts[i] > op }) - 1
	return documentsOf(d.plan.Operation(target, op-d.starts[target]))[n%fields]
}

// save stores the documents, each once, in one order for all, so that two transactions
// that store the same documents do not wait for each other in a circle.
func (d *planDocuments) save(ctx context.Context, tx pgx.Tx) error {
	order := make([]int32, 0, len(d.names))
	for n := range d.names {
		if d.names[n] != noDocument {
			order = append(order, int32(n))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(bytes.Compare(d.names[a][:], d.names[b][:]), cmp.Compare(a, b))
	})
	order = slices.CompactFunc(order, func(a, b int32) bool { return d.names[a] == d.names[b] })
	for some := range slices.Chunk(order, documentChunk) {
		keys, bodies := make([][]byte, len(some)), make([]string, len(some))
		for i, n := range some {
			keys[i], bodies[i] = d.names[n][:], d.body(int(n))
		}
		if _, err := tx.Exec(ctx, insertDocuments, keys, bodies); err != nil {
			return fmt.Errorf("storing documents: %w", err)
		}
	}
	return nil
}

// copyOperations stores the operations of the targets in this order, in which head returns the
// values before the columns of the plan.
func (d *planDocuments) copyOperations(ctx context.Context, tx pgx.Tx, table string, columns []string, order []int, head func(access.PlannedTarget, int) []any) error {
	at, seq := 0, 0
	var target access.PlannedTarget
	next := func() ([]any, error) {
		for at < len(order) {
			if seq == 0 {
				target = d.plan.Target(order[at])
			}
			if seq < len(target.Operations) {
				row := append(head(target, seq), plannedValues(target.Operations[seq], d.of(order[at], seq))...)
				seq++
				return row, nil
			}
			at, seq = at+1, 0
		}
		return nil, nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, slices.Concat(columns, plannedColumns), pgx.CopyFromFunc(next))
	return err
}
