package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// FindingGroup is findings that say the same of different accounts.
type FindingGroup struct {
	Alike     string // names the group; see FindingQuery
	Newest    Finding
	Findings  int
	Accounts  int
	FirstSeen time.Time
	LastSeen  time.Time
}

// Sentence is what all of the group say, without the account of which they say it.
func (g FindingGroup) Sentence() string {
	if g.Findings == 1 {
		return g.Newest.Sentence
	}
	s := strings.ReplaceAll(g.Newest.Sentence, " ("+g.Newest.AccountName+")", "")
	return strings.ReplaceAll(s, string(g.Newest.Account), "…")
}

// MaxFindingsTogether is how many findings can be acknowledged at once.
const MaxFindingsTogether = 1000

// FindingSelection is what matches a query: so many, and what they are like.
type FindingSelection struct {
	Count       int
	Fingerprint string // "" where there are more than MaxFindingsTogether
}

// Fingerprint tells whether findings are still the same, and look the same. They are in
// the order of their ids.
func Fingerprint(findings []Finding) string {
	h := sha256.New()
	for _, f := range findings {
		fmt.Fprintf(h, "%d:%s,", f.ID, f.Digest())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// FindingChoice chooses findings to be acknowledged together: single ones, or all that
// match a query.
type FindingChoice struct {
	Digests     map[int64]string // of what was seen of each; nil for all that match
	Query       FindingQuery
	Fingerprint string // of what was seen of all that match
}

// Check refuses a choice of nothing, and of more than can be acknowledged together.
func (c FindingChoice) Check() error {
	switch {
	case c.Digests == nil && c.Fingerprint == "":
		return Invalid("findings", "Choose what to acknowledge. At most %d findings can be acknowledged together: narrow the list.", MaxFindingsTogether)
	case c.Digests != nil && len(c.Digests) == 0:
		return Invalid("findings", "Choose at least one finding.")
	case len(c.Digests) > MaxFindingsTogether:
		return Invalid("findings", "At most %d findings can be acknowledged together.", MaxFindingsTogether)
	default:
		return nil
	}
}

// Acknowledge acknowledges what was chosen, or nothing where something looks different
// from what was seen. found is what the choice is about by now, in the order of ids.
func (c FindingChoice) Acknowledge(found []Finding, actor Actor, at time.Time, reason string) error {
	switch {
	case c.Digests == nil && Fingerprint(found) != c.Fingerprint:
		return Errorf(KindConflict, "What matches is no longer what you saw: findings have come, gone or changed. Look at the list again.")
	case len(found) < len(c.Digests):
		return Errorf(KindNotFound, "Not all of the chosen findings are there.")
	}
	for i := range found {
		digest := found[i].Digest()
		if c.Digests != nil {
			digest = c.Digests[found[i].ID]
		}
		if err := found[i].Acknowledge(actor, at, digest, reason); err != nil {
			if len(FieldsOf(err)) > 0 {
				return err
			}
			return Wrap(KindOf(err), err, "Finding %d: %s", found[i].ID, MessageOf(err))
		}
	}
	return nil
}
