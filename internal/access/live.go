package access

import "time"

// ResourceKind is what a document belongs to.
type ResourceKind string

// A role carries a trust policy, a user carries the inline policy PortcullisAssumeRole.
// A policy is a user-side policy, which is a managed policy. Attachments are the managed
// policies that are attached to a user, named by the user's path and name.
const (
	ResourceRole        ResourceKind = "role"
	ResourceUser        ResourceKind = "user"
	ResourcePolicy      ResourceKind = "policy"
	ResourceAttachments ResourceKind = "attachments"
)

// UserPolicyName is the name of the one inline policy that Portcullis keeps on a user.
const UserPolicyName = "PortcullisAssumeRole"

// Resource names something within an account that carries a document. Path begins and
// ends with a slash.
type Resource struct {
	Kind ResourceKind `json:"kind"`
	Path string       `json:"path"`
	Name string       `json:"name"`
}

// String returns "role team-a/Bob".
func (r Resource) String() string {
	return string(r.Kind) + " " + RoleName{Path: r.Path, Name: r.Name}.String()
}

// ARN returns the resource's ARN in an account; of attachments it is the user's.
func (r Resource) ARN(partition string, account AccountID) string {
	switch r.Kind {
	case ResourceUser, ResourceAttachments:
		return UserName{Account: account, Path: r.Path, Name: r.Name}.ARN(partition)
	case ResourcePolicy:
		return userSideARN(r, partition, account)
	default:
		return RoleName{Path: r.Path, Name: r.Name}.ARN(partition, account)
	}
}

// LiveDocument is a document as it is in AWS: a role's whole trust policy, a user's
// PortcullisAssumeRole policy, the default version of a managed policy, or all that is
// attached to a user, as AttachmentsDocument writes it. Exists tells whether the role,
// user or managed policy is there at all; Document is decoded JSON and empty where the
// user has no such policy.
type LiveDocument struct {
	Resource Resource
	ID       string // unique id: AROA… or AIDA…
	Exists   bool
	Document string

	CreatedAt time.Time `json:",omitzero"` // of a user; only Cloud.Read sets it, if it is known

	// RealName is set if a role or user does not exist, and IAM finds another one by its name, because IAM ignores
	// case and path when it looks for a name (docs/aws-facts.md, "Names and paths"). It is path and name of that one.
	RealName string
}

// LiveRole is a role with its live trust policy. Managed is set if the policy has statements of ours.
type LiveRole struct {
	LiveDocument
	Managed bool
	Size    int
	Limit   int
}

// LiveUser is a user with what else it may do, which is what the design of the product
// depends on: a user should hold nothing but sts:AssumeRole (docs/aws-facts.md, "Direct permissions of a user").
type LiveUser struct {
	LiveDocument
	InlinePolicies   []string // names, PortcullisAssumeRole left out
	AttachedPolicies []string // ARNs
	Groups           []string
	OtherInlineSize  int // characters without white space of the other inline policies
}

// Inventory is all roles and users of an account, and the managed policies that are ours,
// read in one sweep.
type Inventory struct {
	Account  AccountID
	Roles    []LiveDocument
	Users    []LiveUser
	Policies []LiveDocument
	Quotas   Quotas
	ReadAt   time.Time
}

// Role finds a role by path and name.
func (i Inventory) Role(r RoleName) (LiveDocument, bool) {
	for _, d := range i.Roles {
		if d.Resource.Path == r.Path && d.Resource.Name == r.Name {
			return d, true
		}
	}
	return LiveDocument{}, false
}

// User finds a user by path and name.
func (i Inventory) User(path, name string) (LiveUser, bool) {
	for _, u := range i.Users {
		if u.Resource.Path == path && u.Resource.Name == name {
			return u, true
		}
	}
	return LiveUser{}, false
}

// Policy finds a managed policy of ours by path and name.
func (i Inventory) Policy(path, name string) (LiveDocument, bool) {
	for _, d := range i.Policies {
		if d.Resource.Path == path && d.Resource.Name == name {
			return d, true
		}
	}
	return LiveDocument{}, false
}
