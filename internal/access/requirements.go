package access

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// Requirements are what a push must see elsewhere before it writes the approved document of an operation. Until
// then it writes a form of the document that opens less; package order says which.
//
// They are part of the plan: the digest covers them, and reviewers see them.
type Requirements struct {
	// Opens are the roles that a user policy newly opens to its user.
	Opens []Opening `json:"opens,omitempty"`
	// Revoked are the users whom a trust policy stops admitting, and whose Deny it keeps until the
	// policies of these users no longer name the role. They include users whom only our Deny for everyone restricts,
	// where the same plan changes that Deny and removes the role from their policies.
	Revoked []UserName `json:"revoked,omitempty"`
}

// Opening is a role in an account that a user policy newly opens.
type Opening struct {
	Account AccountID    `json:"account"`
	Role    RoleName     `json:"role"`
	Basis   OpeningBasis `json:"basis"`
	// Document is the SHA-256 of the trust policy as it was read, in hexadecimal digits. It is empty for
	// BasisWritten and BasisUnread.
	Document string `json:"document,omitempty"`
}

// Resource is the role of the opening.
func (o Opening) Resource() Resource {
	return Resource{Kind: ResourceRole, Path: o.Role.Path, Name: o.Role.Name}
}

// Compare orders openings by account, role and basis.
func (o Opening) Compare(other Opening) int {
	return cmp.Or(
		strings.Compare(string(o.Account), string(other.Account)),
		strings.Compare(o.Role.String(), other.Role.String()),
		strings.Compare(string(o.Basis), string(other.Basis)),
	)
}

// OpeningBasis says what the plan knows about the trust policy of a role that a user policy opens.
type OpeningBasis string

// BasisWritten is a trust policy that the same plan writes. The others are not written by the plan.
const (
	BasisWritten  OpeningBasis = "written"
	BasisInPlace  OpeningBasis = "in_place" // it restricts the user already, by statements of ours
	BasisHarmless OpeningBasis = "harmless" // it does not admit the user
	BasisOpen     OpeningBasis = "open"     // it may admit the user by statements of others alone
	BasisUnread   OpeningBasis = "unread"   // the account was not read
)

// NeedsOverride reports whether a person must accept the opening before it may happen.
func (b OpeningBasis) NeedsOverride() bool { return b == BasisOpen || b == BasisUnread }

// Empty reports whether nothing is required.
func (r Requirements) Empty() bool { return len(r.Opens)+len(r.Revoked) == 0 }

// Encode returns the requirements as an operation keeps them; "" for none.
func (r Requirements) Encode() string {
	if r.Empty() {
		return ""
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("encoding requirements: %v", err)) // texts always encode
	}
	return string(b)
}

// ParseRequirements reads what Encode wrote.
func ParseRequirements(s string) (Requirements, error) {
	var r Requirements
	if s == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		return r, Errorf(KindInvalid, "the requirements of an operation cannot be read: %v", err)
	}
	return r, nil
}

// Place is where a target continues that has written all that it could: a wave, and a pass of it.
type Place struct {
	Wave int
	Pass Pass
}

// Before reports whether a place comes before another.
func (p Place) Before(o Place) bool {
	return p.Wave < o.Wave || p.Wave == o.Wave && p.Pass < o.Pass
}

// IsZero reports whether it is no place at all.
func (p Place) IsZero() bool { return p == Place{} }

// Pass is a part of a wave. A target of a pass starts once no target of an earlier pass waits or is in flight.
type Pass int

// The passes of a wave. In the first, each target writes all that depends on no other account. In the
// second, the policies of users open the roles that were verified. In the third, trust policies lose the
// Deny of users whose policies no longer name the role.
const (
	PassFirst Pass = iota
	PassGrants
	PassFinal
)

// String names the pass as the API does.
func (p Pass) String() string {
	switch p {
	case PassGrants:
		return "grants"
	case PassFinal:
		return "final"
	default:
		return "first"
	}
}

// Dependency is an operation of the same rollout in any account.
type Dependency struct {
	Account  AccountID
	Resource Resource
}

// DependencyState is what became of a dependency so far.
type DependencyState struct {
	Dependency
	Operation OperationState
	Document  string // the whole document that was written last, or was found as desired; "" for none
	Target    TargetState
	Place     Place // of the target
}

// Visited reports whether the target has been through its first pass: all that it could write then is
// written and was read back. A document that is being written once more is not known until that is done.
func (d DependencyState) Visited() bool {
	return d.Target.Ended() || d.Place.Pass > PassFirst && d.Operation != OperationIntended
}

// Good reports whether the operation has had its effect.
func (d DependencyState) Good() bool {
	return d.Visited() && (d.Operation == OperationWritten || d.Operation == OperationUnchanged)
}
