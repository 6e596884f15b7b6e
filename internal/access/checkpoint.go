package access

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"
)

// Checkpoint says, signed, which hash the audit log had at an event. A person who can write
// to the database can make a new chain, but not the signature: a checkpoint that is kept
// elsewhere shows every change to what came before it, its removal from the end included.
type Checkpoint struct {
	Seq       int64     `json:"seq"`
	Hash      string    `json:"hash"`
	At        time.Time `json:"at"` // to the microsecond, UTC
	Key       string    `json:"key"`
	Signature string    `json:"signature"`
}

// SignCheckpoint makes a checkpoint of the event seq, which has this hash.
func SignCheckpoint(key ed25519.PrivateKey, seq int64, hash string, at time.Time) Checkpoint {
	c := Checkpoint{Seq: seq, Hash: hash, At: at.UTC().Truncate(time.Microsecond), Key: PublicKeyText(key)}
	c.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, c.signedBytes()))
	return c
}

// signedBytes is what the signature covers.
func (c Checkpoint) signedBytes() []byte {
	return []byte("portcullis audit checkpoint 1\n" + strconv.FormatInt(c.Seq, 10) + "\n" + c.Hash + "\n" + c.At.UTC().Format(time.RFC3339Nano) + "\n")
}

// Check refuses a checkpoint that was not signed with one of the trusted keys.
func (c Checkpoint) Check(trusted []string) error {
	if !slices.Contains(trusted, c.Key) {
		return Errorf(KindConflict, "The checkpoint of event %d is signed with the key %s, which is not one that is trusted here. Where that key is known to be yours, give it with --key.", c.Seq, c.Key)
	}
	key, err := ParsePublicKey(c.Key)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(c.Signature)
	if err != nil || !ed25519.Verify(key, c.signedBytes(), signature) {
		return Errorf(KindConflict, "The checkpoint of event %d has a false signature: it was changed, or made by somebody without the key.", c.Seq)
	}
	return nil
}

// PublicKeyText is how the public half of a key is written.
func PublicKeyText(key ed25519.PrivateKey) string {
	public, _ := key.Public().(ed25519.PublicKey)
	return base64.StdEncoding.EncodeToString(public)
}

// ParsePublicKey reads what PublicKeyText writes.
func ParsePublicKey(s string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, Invalid("key", "%q is no public key: it has 44 characters, as portcullis audit key prints it", s)
	}
	return ed25519.PublicKey(raw), nil
}

// Line is the checkpoint as it is kept in a file: one line of JSON.
func (c Checkpoint) Line() []byte {
	line, err := json.Marshal(c)
	if err != nil {
		return nil // numbers and texts always encode
	}
	return append(line, '\n')
}

// ReadCheckpoints reads checkpoints, one a line. Empty lines are passed over.
func ReadCheckpoints(r io.Reader) ([]Checkpoint, error) {
	var found []Checkpoint
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var c Checkpoint
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil || c.Seq < 1 || c.Hash == "" {
			return nil, Errorf(KindInvalid, "line %d holds no checkpoint; a checkpoint is one line, as portcullis audit checkpoint prints it", n)
		}
		found = append(found, c)
	}
	if err := lines.Err(); err != nil {
		return nil, Wrap(KindInvalid, err, "the checkpoints could not be read")
	}
	return found, nil
}
