package aws

import (
	"encoding/json"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// maxSessionPolicy is what STS accepts as a session policy (docs/aws-facts.md, "STS parameter limits").
const maxSessionPolicy = 2048

type sessionPolicy struct {
	Version   string
	Statement []sessionStatement
}

type sessionStatement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

var (
	readActions         = []string{"iam:GetRole", "iam:GetUser", "iam:GetUserPolicy", "iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary"}
	readUserSideActions = []string{"iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:ListAttachedUserPolicies"}

	writeActions = map[access.ResourceKind][]string{
		access.ResourceRole:        {"iam:UpdateAssumeRolePolicy"},
		access.ResourceUser:        {"iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		access.ResourcePolicy:      {"iam:CreatePolicy", "iam:DeletePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion"},
		access.ResourceAttachments: {"iam:AttachUserPolicy", "iam:DetachUserPolicy"},
	}
)

// policyFor writes the session policy of a push: it may read, and write to the given resources
// only. When their names do not fit into what STS accepts, the longest of the lists becomes all
// roles, users or user-side policies of the account, and if that is not enough the next one too.
// The deployment role's own policy applies in any case.
func policyFor(partition string, account access.AccountID, resources []access.Resource) (string, error) {
	names := map[access.ResourceKind][]string{}
	for _, r := range resources {
		names[r.Kind] = append(names[r.Kind], r.ARN(partition, account))
	}
	for {
		text, err := encodePolicy(partition, account, names)
		if err != nil || len(text) <= maxSessionPolicy {
			return text, err
		}
		kind := longest(names)
		names[kind] = []string{allOf(kind).ARN(partition, account)}
	}
}

// allOf names all resources of a kind that a push could ever write to.
func allOf(kind access.ResourceKind) access.Resource {
	r := access.Resource{Kind: kind, Path: "/", Name: "*"}
	if kind == access.ResourcePolicy {
		r.Path = access.UserSidePath
	}
	return r
}

var writtenKinds = []access.ResourceKind{access.ResourceRole, access.ResourceUser, access.ResourcePolicy, access.ResourceAttachments}

func longest(names map[access.ResourceKind][]string) access.ResourceKind {
	return slices.MaxFunc(writtenKinds, func(a, b access.ResourceKind) int { return length(names[a]) - length(names[b]) })
}

func length(texts []string) int {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	return n
}

func encodePolicy(partition string, account access.AccountID, names map[access.ResourceKind][]string) (string, error) {
	reading := readActions
	if len(names[access.ResourcePolicy])+len(names[access.ResourceAttachments]) > 0 {
		reading = slices.Concat(readActions, readUserSideActions)
	}
	p := sessionPolicy{Version: "2012-10-17", Statement: []sessionStatement{{Effect: "Allow", Action: reading, Resource: []string{"*"}}}}
	for _, kind := range writtenKinds {
		if len(names[kind]) == 0 {
			continue
		}
		s := sessionStatement{Effect: "Allow", Action: writeActions[kind], Resource: names[kind]}
		if kind == access.ResourceAttachments { // user-side policies only, no matter to whom they are attached
			s.Condition = map[string]map[string]string{"ArnLike": {"iam:PolicyARN": allOf(access.ResourcePolicy).ARN(partition, account)}}
		}
		p.Statement = append(p.Statement, s)
	}
	text, err := json.Marshal(p)
	return string(text), err
}
