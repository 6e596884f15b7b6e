package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// The digest of a plan is the root of a list of target digests, in the order of the targets. The digest of a target
// covers its account and its operations with their order: kind, resource, every document before and after, what is
// required of other accounts, sizes and note. So a plan with the same digest shows a reviewer the same documents, and each target can be checked without
// reading the others.

// TargetDigest makes the digest of one target, operation by operation.
type TargetDigest struct{ sum hash.Hash }

// NewTargetDigest returns the digest of a target without operations.
func NewTargetDigest(account AccountID) TargetDigest {
	d := TargetDigest{sha256.New()}
	fmt.Fprintf(d.sum, "%q\n", string(account))
	return d
}

// Add adds an operation with its place in the target. It hashes the documents themselves, so it also notices a stored
// document that is not the one that its name says.
func (d TargetDigest) Add(seq int, op PlannedOperation) {
	fmt.Fprintf(d.sum, "%d %q %q %q %q %t %d %d %q", seq, string(op.Kind), string(op.Resource.Kind), op.Resource.Path,
		op.Resource.Name, op.BeforeKnown, op.Size, op.Limit, op.Note)
	for _, document := range []string{op.Before, op.After, op.OursBefore, op.OursAfter, op.Requires} {
		fmt.Fprintf(d.sum, " %x", sha256.Sum256([]byte(document)))
	}
	d.sum.Write([]byte{'\n'})
}

// String is the digest so far, in hexadecimal digits.
func (d TargetDigest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }

// Digest is the digest of the target with its operations in their order.
func (t PlannedTarget) Digest() string {
	d := NewTargetDigest(t.Account)
	for seq, op := range t.Operations {
		d.Add(seq, op)
	}
	return d.String()
}

// PlanDigest makes the digest of a plan, target by target.
type PlanDigest struct{ sum hash.Hash }

// NewPlanDigest returns the digest of a plan without targets.
func NewPlanDigest() PlanDigest { return PlanDigest{sha256.New()} }

// Add adds the next target and returns its digest.
func (d PlanDigest) Add(t PlannedTarget) string {
	digest := t.Digest()
	fmt.Fprintf(d.sum, "%s %s\n", t.Account, digest)
	return digest
}

// String is the digest so far, in hexadecimal digits.
func (d PlanDigest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }

// TargetDigests are the digests of the targets of a plan.
type TargetDigests map[AccountID]string

// Digest makes the digest of the plan from its targets.
func (p Plan) Digest() string {
	_, digest := p.Digests()
	return digest
}

// Digests returns the digest of each target and that of the whole plan, of what the plan holds now. Documents is the
// digest that it had when it was made.
func (p Plan) Digests() (targets TargetDigests, plan string) {
	targets = make(TargetDigests, p.Len())
	d := NewPlanDigest()
	for t := range p.Targets() {
		targets[t.Account] = d.Add(t)
	}
	return targets, d.String()
}
