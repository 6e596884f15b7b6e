package access

import (
	"encoding/binary"
	"iter"
)

// OperationKind is one kind of IAM write.
type OperationKind string

// The kinds of operation.
const (
	OpTrustPolicy      OperationKind = "trust_policy"       // iam:UpdateAssumeRolePolicy
	OpUserPolicy       OperationKind = "user_policy"        // iam:PutUserPolicy
	OpDeleteUserPolicy OperationKind = "delete_user_policy" // iam:DeleteUserPolicy

	// Of user-side policies: a policy that is made or given a new default version; its
	// removal; and the user's attachments, of which only ours are written.
	OpUserSidePolicy       OperationKind = "user_side_policy"        // iam:CreatePolicy, iam:CreatePolicyVersion
	OpDeleteUserSidePolicy OperationKind = "delete_user_side_policy" // iam:DeletePolicy
	OpAttachments          OperationKind = "attachments"             // iam:AttachUserPolicy, iam:DetachUserPolicy
)

// Plan is what a change would write, account by account. Documents is its digest when it
// was made (plan_digest.go): of every document before and after, their order and their accounts.
//
// Operations that are the same in many accounts but for the account's id are kept once
// (packed.go). A plan that is complete may be read by several at once; its copies share
// what they hold.
type Plan struct {
	Documents string

	targets []packedTarget
	pack    *operationPack
}

// PlannedTarget is one account of a plan, with its operations in the order of writing:
// trust policies first, then user policies; where there are user-side policies, in the
// order that never lets in a user whom neither the old nor the new documents let in.
type PlannedTarget struct {
	Account     AccountID
	AccountName string
	OU          string
	Operations  []PlannedOperation
	Notes       []string // what a reviewer should know about this account
}

// PlannedOperation is one document to write. Before is the whole document when it was
// last read ("" where there is none), After the whole document as it would be ("" for a
// deletion). Ours are our statements alone, as a JSON list: OursBefore and OursAfter
// decide at the push whether somebody else has edited them, and OursAfter is what is
// merged into the document that is there by then.
type PlannedOperation struct {
	Kind        OperationKind
	Resource    Resource
	Before      string
	BeforeKnown bool // false where the account could not be read when planning
	After       string
	OursBefore  string
	OursAfter   string
	Requires    string // Requirements, encoded; "" for none
	Size        int    // characters without white space of After
	Limit       int
	Note        string
}

// packedTarget is a target with the numbers of its operations.
type packedTarget struct {
	account    AccountID
	name, ou   string
	notes      []string
	operations []int32
}

// operationPack holds operations without the accounts' ids, each once.
type operationPack struct {
	operations []PlannedOperation
	numbers    map[fingerprint]int32
	lists      map[string][]int32
	texts      texts
}

// NewPlan returns a plan of some targets.
func NewPlan(documents string, targets ...PlannedTarget) Plan {
	p := Plan{Documents: documents}
	for _, t := range targets {
		p.Add(t)
	}
	return p
}

// Add adds a target to a plan that is being made. Nothing of it is kept but its names,
// which are the account's own texts and not copied, and its notes.
func (p *Plan) Add(t PlannedTarget) {
	if p.pack == nil {
		p.pack = &operationPack{numbers: map[fingerprint]int32{}, lists: map[string][]int32{}, texts: texts{}}
	}
	packed := packedTarget{account: t.Account, name: t.AccountName, ou: p.pack.texts.keep(t.OU), notes: t.Notes}
	packed.operations = p.pack.list(t.Operations, t.Account)
	p.targets = append(p.targets, packed)
}

func (k *operationPack) list(ops []PlannedOperation, id AccountID) []int32 {
	key := make([]byte, 0, 4*len(ops))
	for _, op := range ops {
		key = binary.LittleEndian.AppendUint32(key, uint32(k.number(op, id)))
	}
	list, known := k.lists[string(key)]
	if !known {
		for i := 0; i < len(key); i += 4 {
			list = append(list, int32(binary.LittleEndian.Uint32(key[i:])))
		}
		k.lists[string(key)] = list
	}
	return list
}

func (k *operationPack) number(op PlannedOperation, id AccountID) int32 {
	op.Before, op.After = WithoutID(op.Before, id), WithoutID(op.After, id)
	op.OursBefore, op.OursAfter = WithoutID(op.OursBefore, id), WithoutID(op.OursAfter, id)
	op.Note, op.Requires = WithoutID(op.Note, id), WithoutID(op.Requires, id)
	f := newFingerprinter()
	f.text(string(op.Kind), string(op.Resource.Kind), op.Resource.Path, op.Resource.Name)
	f.text(op.Before, op.After, op.OursBefore, op.OursAfter, op.Requires, op.Note)
	known := 0
	if op.BeforeKnown {
		known = 1
	}
	f.numbers(known, op.Size, op.Limit)
	sum := f.sum()
	n, seen := k.numbers[sum]
	if !seen {
		n = int32(len(k.operations))
		op.Before, op.After = k.texts.keep(op.Before), k.texts.keep(op.After)
		op.OursBefore, op.OursAfter = k.texts.keep(op.OursBefore), k.texts.keep(op.OursAfter)
		op.Requires = k.texts.keep(op.Requires)
		k.operations = append(k.operations, op)
		k.numbers[sum] = n
	}
	return n
}

// unpack puts the account's id back into an operation.
func (k *operationPack) unpack(n int32, id AccountID) PlannedOperation {
	op := k.operations[n]
	op.Before, op.After = WithID(op.Before, id), WithID(op.After, id)
	op.OursBefore, op.OursAfter = WithID(op.OursBefore, id), WithID(op.OursAfter, id)
	op.Note, op.Requires = WithID(op.Note, id), WithID(op.Requires, id)
	return op
}

// Len is the number of targets.
func (p Plan) Len() int { return len(p.targets) }

// Operations counts the operations of the whole plan.
func (p Plan) Operations() int {
	n := 0
	for _, t := range p.targets {
		n += len(t.operations)
	}
	return n
}

// Accounts yields the targets without their operations, in order.
func (p Plan) Accounts() iter.Seq[PlannedTarget] {
	return func(yield func(PlannedTarget) bool) {
		for i := range p.targets {
			if !yield(p.targets[i].bare()) {
				return
			}
		}
	}
}

// Targets yields the targets, in order.
func (p Plan) Targets() iter.Seq[PlannedTarget] {
	return func(yield func(PlannedTarget) bool) {
		for i := range p.targets {
			if !yield(p.Target(i)) {
				return
			}
		}
	}
}

// Bare is the i-th target, counted from 0, without its operations.
func (p Plan) Bare(i int) PlannedTarget { return p.targets[i].bare() }

// Target is the i-th target, counted from 0.
func (p Plan) Target(i int) PlannedTarget {
	packed := &p.targets[i]
	t := packed.bare()
	for _, n := range packed.operations {
		t.Operations = append(t.Operations, p.pack.unpack(n, packed.account))
	}
	return t
}

// Operation is one operation of the i-th target.
func (p Plan) Operation(i, seq int) PlannedOperation {
	return p.pack.unpack(p.targets[i].operations[seq], p.targets[i].account)
}

// Distinct yields the operations of the plan, each once, with its number and with OwnID in place of the id of its
// account. An operation that no target has any more may be among them.
func (p Plan) Distinct() iter.Seq2[int32, PlannedOperation] {
	return func(yield func(int32, PlannedOperation) bool) {
		if p.pack == nil {
			return
		}
		for n := range p.pack.operations {
			if !yield(int32(n), p.pack.operations[n]) {
				return
			}
		}
	}
}

// Numbers are the numbers of the operations of the i-th target, in order. They are shared: read only.
func (p Plan) Numbers(i int) []int32 { return p.targets[i].operations }

// Replace puts other operations and notes in the i-th target of a plan that is being made.
func (p *Plan) Replace(i int, t PlannedTarget) {
	p.targets[i].operations, p.targets[i].notes = p.pack.list(t.Operations, t.Account), t.Notes
}

// Of is the plan of one account alone.
func (p Plan) Of(id AccountID) Plan {
	only := p
	only.targets = nil
	for _, t := range p.targets {
		if t.account == id {
			only.targets = append(only.targets, t)
		}
	}
	return only
}

// Groups yields the operations that are one and the same but for the account's id, each
// with the account of its first target and the indexes of all its targets, in order of
// the first. An operation that a target has twice is yielded with it twice.
func (p Plan) Groups() iter.Seq2[PlannedOperation, []int] {
	return func(yield func(PlannedOperation, []int) bool) {
		if p.pack == nil {
			return
		}
		var order []int32
		at := make([][]int, len(p.pack.operations))
		for i := range p.targets {
			for _, n := range p.targets[i].operations {
				if at[n] == nil {
					order = append(order, n)
				}
				at[n] = append(at[n], i)
			}
		}
		for _, n := range order {
			if !yield(p.pack.unpack(n, p.targets[at[n][0]].account), at[n]) {
				return
			}
		}
	}
}

func (t *packedTarget) bare() PlannedTarget {
	return PlannedTarget{Account: t.account, AccountName: t.name, OU: t.ou, Notes: t.notes}
}

// Bytes is about how much memory the plan takes.
func (p Plan) Bytes() int {
	n := len(p.targets) * 96
	for i := range p.targets {
		n += len(p.targets[i].name)
	}
	if p.pack == nil {
		return n
	}
	for text := range p.pack.texts {
		n += len(text) + 48
	}
	return n + len(p.pack.operations)*384
}

// FoldedOperation is one operation that means the same in several accounts. Example is the operation
// of the first of them.
type FoldedOperation struct {
	Kind     OperationKind
	Resource Resource
	Accounts []PlannedTarget // without their operations
	Example  PlannedOperation
	Notes    []string
}
