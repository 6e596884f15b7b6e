package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// docKey names a document by its SHA-256; nil for no document.
func docKey(body string) []byte {
	if body == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(storable(body)))
	return sum[:]
}

// documentSet collects documents to be stored, each once.
type documentSet map[string]string

// add returns the document's name.
func (d documentSet) add(body string) []byte {
	key := docKey(body)
	if key != nil {
		d[string(key)] = storable(body)
	}
	return key
}

const (
	insertDocuments = "INSERT INTO documents (sha256, body) SELECT * FROM unnest($1::bytea[], $2::text[]) ON CONFLICT DO NOTHING"
	documentChunk   = 500
)

// sort returns names and documents in one order for all, so that two transactions that
// store the same documents do not wait for each other in a circle.
func (d documentSet) sort() (keys [][]byte, bodies []string) {
	for key := range d {
		keys = append(keys, []byte(key))
	}
	slices.SortFunc(keys, bytes.Compare)
	bodies = make([]string, len(keys))
	for i, key := range keys {
		bodies[i] = d[string(key)]
	}
	return keys, bodies
}

// plannedDocs are the names of a planned operation's documents.
type plannedDocs struct{ before, after, oursBefore, oursAfter, requires []byte }

// loadDocuments reads documents by name.
func loadDocuments(ctx context.Context, q querier, keys [][]byte) (documentSet, error) {
	found := make(documentSet, len(keys))
	for chunk := range slices.Chunk(keys, 10*documentChunk) {
		err := eachRow(ctx, q, "SELECT sha256, body FROM documents WHERE sha256 = ANY($1)", []any{chunk}, func(row pgx.Rows) error {
			var key []byte
			var body string
			err := row.Scan(&key, &body)
			found[string(key)] = body
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading documents: %w", err)
		}
	}
	return found, nil
}
