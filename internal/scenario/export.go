package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Export is what an account's documents are to be, for teams that write them by a
// pipeline of their own. The operations are those of a plan of everything; deletions take
// no part, since what is not in a pipeline's text is removed by it.
type Export struct {
	Account    access.Account
	Revision   int64
	Operations []access.PlannedOperation
}

// exported are an account's documents by what carries them.
type exported struct {
	roles, users, policies []access.PlannedOperation
	attached               map[string][]string // names of users by the ARN of a managed policy of ours
}

func (e Export) sortOperations() (exported, error) {
	x := exported{attached: map[string][]string{}}
	for _, op := range e.Operations {
		switch op.Kind {
		case access.OpTrustPolicy:
			x.roles = append(x.roles, op)
		case access.OpUserPolicy:
			x.users = append(x.users, op)
		case access.OpUserSidePolicy:
			x.policies = append(x.policies, op)
		case access.OpAttachments:
			arns, err := access.Attachments(op.After)
			if err != nil {
				return x, err
			}
			ours, _ := access.UserSideAttachments(arns)
			for _, arn := range ours {
				x.attached[arn] = append(x.attached[arn], op.Resource.Name)
			}
		}
	}
	for _, ops := range [][]access.PlannedOperation{x.roles, x.users, x.policies} {
		slices.SortFunc(ops, func(a, b access.PlannedOperation) int {
			return strings.Compare(a.Resource.String(), b.Resource.String())
		})
	}
	if len(x.roles)+len(x.users)+len(x.policies) == 0 {
		return x, access.Errorf(access.KindNotFound, "No mapping reaches account %s, so there is no document to write there.", e.Account.ID)
	}
	return x, nil
}

func (e Export) title() string {
	name := ""
	if e.Account.Name != "" {
		name = fmt.Sprintf(" (%s)", oneLine(e.Account.Name))
	}
	return fmt.Sprintf("Portcullis, revision %d: account %s%s", e.Revision, e.Account.ID, name)
}

// oneLine keeps names that others gave from ending the comment that they are in.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

func (e Export) partition() string {
	if e.Account.Partition == "" {
		return "aws"
	}
	return e.Account.Partition
}

// CloudFormation prints the documents as a template in JSON. Roles and managed policies
// are kept when the stack goes: they are not its own.
func (e Export) CloudFormation() ([]byte, error) {
	x, err := e.sortOperations()
	if err != nil {
		return nil, err
	}
	resources := map[string]any{}
	for _, op := range x.roles {
		resources["Role"+logicalID(op.Resource)] = retainedResource("AWS::IAM::Role", map[string]any{
			"RoleName": op.Resource.Name, "Path": op.Resource.Path, "AssumeRolePolicyDocument": json.RawMessage(op.After),
		})
	}
	for _, op := range x.users {
		resources["User"+logicalID(op.Resource)] = map[string]any{"Type": "AWS::IAM::UserPolicy", "Properties": map[string]any{
			"UserName": op.Resource.Name, "PolicyName": access.UserPolicyName, "PolicyDocument": json.RawMessage(op.After),
		}}
	}
	for _, op := range x.policies {
		properties := map[string]any{"ManagedPolicyName": op.Resource.Name, "Path": op.Resource.Path, "PolicyDocument": json.RawMessage(op.After)}
		if users := x.attached[op.Resource.ARN(e.partition(), e.Account.ID)]; len(users) > 0 {
			properties["Users"] = users
		}
		resources["Policy"+logicalID(op.Resource)] = retainedResource("AWS::IAM::ManagedPolicy", properties)
	}
	return encodeIndented(map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              e.title() + ". Bring roles that exist into the stack by resource import before the first update; a role's other properties have to be added to this template for that.",
		"Resources":                resources,
	})
}

func retainedResource(kind string, properties map[string]any) map[string]any {
	return map[string]any{"Type": kind, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties}
}

func encodeIndented(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, access.Wrap(access.KindInternal, err, "printing a template")
	}
	return []byte(b.String()), nil
}

var (
	alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	label        = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	notAlnum     = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// logicalID names a resource in a template, where only letters and digits are allowed.
func logicalID(r access.Resource) string { return uniqueName(r, alphanumeric, "", "") }

// uniqueName makes a name of a resource's own. Where that has to leave something out it adds
// the beginning of a digest, so that names stay apart and never move when others come.
func uniqueName(r access.Resource, fits *regexp.Regexp, between, before string) string {
	if r.Path == "/" && fits.MatchString(r.Name) {
		return r.Name
	}
	sum := sha256.Sum256([]byte(r.String()))
	plain := strings.Trim(notAlnum.ReplaceAllString(strings.Trim(r.Path, "/")+between+r.Name, between), between)
	return before + plain + between + hex.EncodeToString(sum[:4])
}
