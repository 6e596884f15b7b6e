package access

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
)

// A large organization holds the same documents in every account, but for the account's
// own id in ARNs. What is kept of many accounts at once is kept without that id, each
// document once, and gets it back when somebody asks for it. So the memory that a plan or
// an inventory takes follows from how much differs, not from the number of accounts.

// OwnID stands for an account's own id in a text that is kept without it. It cannot occur
// in a document: IAM takes no character below U+0009 (docs/aws-facts.md, "Document grammar"),
// and Postgres stores none of it.
const OwnID = "\x00"

// WithoutID puts OwnID in place of an account's id.
func WithoutID(text string, id AccountID) string {
	if id == "" {
		return text
	}
	return strings.ReplaceAll(text, string(id), OwnID)
}

// WithID puts an account's id back into a text.
func WithID(text string, id AccountID) string { return strings.ReplaceAll(text, OwnID, string(id)) }

// texts keeps texts, each once.
type texts map[string]string

func (t texts) keep(text string) string {
	if text == "" {
		return ""
	}
	kept, known := t[text]
	if !known {
		kept = strings.Clone(text)
		t[kept] = kept
	}
	return kept
}

// fingerprint tells apart what is made of several parts.
type fingerprint [sha256.Size]byte

type fingerprinter struct{ hash.Hash }

func newFingerprinter() fingerprinter { return fingerprinter{sha256.New()} }

// text adds a part, with its length, so that no two sequences of parts look alike.
func (f fingerprinter) text(parts ...string) {
	var length [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(p)))
		f.Write(length[:])
		f.Write([]byte(p))
	}
}

func (f fingerprinter) numbers(ns ...int) {
	var b [8]byte
	for _, n := range ns {
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		f.Write(b[:])
	}
}

func (f fingerprinter) sum() (out fingerprint) {
	f.Sum(out[:0])
	return out
}
