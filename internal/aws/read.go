package aws

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"portcullis.internal/portcullis/internal/access"
)

// Read returns the live documents of resources, in their order, with as few calls as possible: one
// sweep over the account, or one call for each role, and two for each user, managed policy or
// user's attachments. A resource that does not exist has Exists false and is no error. The same holds for one that IAM
// has under another path or in another case; RealName says which.
func (c *Cloud) Read(ctx context.Context, scope access.Scope, resources []access.Resource) ([]access.LiveDocument, error) {
	if len(resources) == 0 {
		return nil, nil
	}
	ctx, s, err := c.open(ctx, scope)
	if err != nil {
		return nil, err
	}
	found := map[access.Resource]access.LiveDocument{}
	missing := slices.Clone(resources)
	if c.sizes.of(s.account) < cost(missing) {
		if missing, err = c.readBySweep(ctx, s, missing, found); err != nil {
			return nil, err
		}
	}
	for _, r := range missing {
		if found[r], err = s.readOne(ctx, r); err != nil {
			return nil, err
		}
	}
	out := make([]access.LiveDocument, len(resources))
	for i, r := range resources {
		out[i] = found[r]
	}
	return out, nil
}

// cost is the number of calls to read resources one by one.
func cost(resources []access.Resource) int {
	n := 0
	for _, r := range resources {
		n++
		if r.Kind != access.ResourceRole {
			n++
		}
	}
	return n
}

// readBySweep fills in what a sweep finds. It returns what is left to be read one by one:
// nothing after a whole sweep, and the rest when going on costs more than that.
func (c *Cloud) readBySweep(ctx context.Context, s *session, resources []access.Resource, found map[access.Resource]access.LiveDocument) ([]access.Resource, error) {
	left := make(map[access.Resource]bool, len(resources))
	for _, r := range resources {
		left[r] = true
	}
	expected := c.sizes.of(s.account)
	others := othersOf(resources)
	var bad error
	seen := 0
	pages, all, err := s.sweep(ctx, kinds(resources), func(page *iam.GetAccountAuthorizationDetailsOutput) bool {
		seen++
		others.see(page)
		if bad = takeFrom(page, left, found); bad != nil {
			return false
		}
		return len(left) > 0 && cost(keys(left)) > max(1, expected-seen)
	})
	if err != nil {
		return nil, err
	}
	if bad != nil {
		return nil, classify(call{s.account, "iam:GetAccountAuthorizationDetails", ""}, bad)
	}
	c.sizes.saw(s.account, pages, all)
	if !all {
		return keys(left), nil
	}
	for r := range left {
		found[r] = others.document(r)
	}
	return nil, nil
}

// others are the roles and users that IAM would find by the names of resources, by kind and name in lower case.
type others map[access.Resource]access.Resource

func othersOf(resources []access.Resource) others {
	o := others{}
	for _, r := range resources {
		o[nameKey(r)] = access.Resource{}
	}
	return o
}

// nameKey is a resource as IAM looks for it: without path and case. Attachments are looked for by their user.
func nameKey(r access.Resource) access.Resource {
	if r.Kind == access.ResourceAttachments {
		r.Kind = access.ResourceUser
	}
	return access.Resource{Kind: r.Kind, Name: strings.ToLower(r.Name)}
}

func (o others) see(page *iam.GetAccountAuthorizationDetailsOutput) {
	note := func(r access.Resource) {
		if _, asked := o[nameKey(r)]; asked {
			o[nameKey(r)] = r
		}
	}
	for _, d := range page.RoleDetailList {
		note(roleResource(d.Path, d.RoleName))
	}
	for _, d := range page.UserDetailList {
		note(userResource(d.Path, d.UserName))
	}
}

// document is that of a resource that does not exist.
func (o others) document(r access.Resource) access.LiveDocument {
	if found := o[nameKey(r)]; found.Name != "" {
		return another(r, found)
	}
	return access.LiveDocument{Resource: r}
}

func keys(set map[access.Resource]bool) []access.Resource {
	out := make([]access.Resource, 0, len(set))
	for r := range set {
		out = append(out, r)
	}
	return out
}

func kinds(resources []access.Resource) []types.EntityType {
	is := func(k access.ResourceKind) func(access.Resource) bool {
		return func(r access.Resource) bool { return r.Kind == k }
	}
	var filter []types.EntityType
	if slices.ContainsFunc(resources, is(access.ResourceUser)) || slices.ContainsFunc(resources, is(access.ResourceAttachments)) {
		filter = append(filter, types.EntityTypeUser)
	}
	if slices.ContainsFunc(resources, is(access.ResourceRole)) {
		filter = append(filter, types.EntityTypeRole)
	}
	if slices.ContainsFunc(resources, is(access.ResourcePolicy)) {
		filter = append(filter, types.EntityTypeLocalManagedPolicy)
	}
	return filter
}

// takeFrom moves what a page shows from left to found.
func takeFrom(page *iam.GetAccountAuthorizationDetailsOutput, left map[access.Resource]bool, found map[access.Resource]access.LiveDocument) error {
	for _, d := range page.RoleDetailList {
		if r := roleResource(d.Path, d.RoleName); left[r] {
			doc, err := liveRole(d)
			if err != nil {
				return err
			}
			found[r] = doc
			delete(left, r)
		}
	}
	for _, d := range page.UserDetailList {
		if r := userResource(d.Path, d.UserName); left[r] {
			u, err := liveUser(d)
			if err != nil {
				return err
			}
			u.CreatedAt = sdk.ToTime(d.CreateDate)
			found[r] = u.LiveDocument
			delete(left, r)
		}
		if r := attachmentsOf(userResource(d.Path, d.UserName)); left[r] {
			attached := liveAttachments(r, d.UserId, attachedARNs(d.AttachedManagedPolicies))
			attached.CreatedAt = sdk.ToTime(d.CreateDate)
			found[r] = attached
			delete(left, r)
		}
	}
	for _, d := range page.Policies {
		if r := policyResource(d.Path, d.PolicyName); left[r] {
			p, err := livePolicy(d)
			if err != nil {
				return err
			}
			found[r] = p
			delete(left, r)
		}
	}
	return nil
}

func (s *session) readOne(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	switch r.Kind {
	case access.ResourceRole:
		return s.readRole(ctx, r)
	case access.ResourcePolicy:
		return s.readPolicy(ctx, r)
	case access.ResourceAttachments:
		return s.readAttachments(ctx, r)
	default:
		return s.readUser(ctx, r)
	}
}

func (s *session) readRole(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	var role *types.Role
	err := s.do(ctx, "iam:GetRole", r.ARN(s.partition, s.account), func(client *iam.Client) error {
		out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.Name})
		if err == nil {
			role = out.Role
		}
		return err
	})
	switch {
	case gone(err):
		return access.LiveDocument{Resource: r}, nil
	case err != nil:
		return access.LiveDocument{}, err
	}
	// IAM finds roles by name alone, in any case; under another name or path it is another role.
	if is := roleResource(role.Path, role.RoleName); is != r {
		return another(r, is), nil
	}
	doc, err := decode(role.AssumeRolePolicyDocument)
	return access.LiveDocument{Resource: r, ID: sdk.ToString(role.RoleId), Exists: true, Document: doc},
		classify(call{s.account, "iam:GetRole", sdk.ToString(role.Arn)}, err)
}

func (s *session) readUser(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	arn := r.ARN(s.partition, s.account)
	live, err := s.findUser(ctx, r)
	if err != nil || !live.Exists {
		return live, err
	}
	err = s.do(ctx, "iam:GetUserPolicy", arn, func(client *iam.Client) error {
		out, err := client.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &r.Name, PolicyName: policyName()})
		if err != nil {
			return err
		}
		live.Document, err = decode(out.PolicyDocument)
		return err
	})
	if gone(err) {
		return live, nil
	}
	return live, err
}

// another says that a role or user does not exist, and which one IAM finds by its name.
func another(asked, found access.Resource) access.LiveDocument {
	return access.LiveDocument{Resource: asked, RealName: strings.TrimPrefix(found.Path, "/") + found.Name}
}

// findUser looks whether a user is there, under the path given.
func (s *session) findUser(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	var user *types.User
	err := s.do(ctx, "iam:GetUser", r.ARN(s.partition, s.account), func(client *iam.Client) error {
		out, err := client.GetUser(ctx, &iam.GetUserInput{UserName: &r.Name})
		if err == nil {
			user = out.User
		}
		return err
	})
	switch {
	case gone(err):
		return access.LiveDocument{Resource: r}, nil
	case err != nil:
		return access.LiveDocument{}, err
	}
	if is := userResource(user.Path, user.UserName); is.Path != r.Path || is.Name != r.Name {
		return another(r, is), nil
	}
	created := sdk.ToTime(user.CreateDate)
	return access.LiveDocument{Resource: r, ID: sdk.ToString(user.UserId), Exists: true, CreatedAt: created}, nil
}
