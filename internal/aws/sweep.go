package aws

import (
	"context"
	"net/url"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"portcullis.internal/portcullis/internal/access"
)

// largestPage is the most that IAM puts on one page (docs/aws-facts.md, "Reading a whole account").
const largestPage = 1000

// sweep goes through all users and roles of an account page by page, until there are no
// more or visit says that it has enough. It returns how many pages that were, and
// whether they were all.
func (s *session) sweep(ctx context.Context, filter []types.EntityType, visit func(*iam.GetAccountAuthorizationDetailsOutput) (more bool)) (pages int, all bool, err error) {
	in := &iam.GetAccountAuthorizationDetailsInput{Filter: filter, MaxItems: sdk.Int32(largestPage)}
	for {
		var out *iam.GetAccountAuthorizationDetailsOutput
		err := s.do(ctx, "iam:GetAccountAuthorizationDetails", "", func(client *iam.Client) error {
			var err error
			out, err = client.GetAccountAuthorizationDetails(ctx, in)
			return err
		})
		if err != nil {
			return pages, false, err
		}
		pages++
		more := visit(out)
		if !out.IsTruncated {
			return pages, true, nil
		}
		if !more {
			return pages, false, nil
		}
		in.Marker = out.Marker
	}
}

// decode reads a document as IAM sends it: percent-encoded after RFC 3986, in which a
// plus sign is a plus sign (docs/aws-facts.md, "URL-encoded documents").
func decode(s *string) (string, error) { return url.PathUnescape(sdk.ToString(s)) }

func roleResource(path, name *string) access.Resource {
	return access.Resource{Kind: access.ResourceRole, Path: sdk.ToString(path), Name: sdk.ToString(name)}
}

func userResource(path, name *string) access.Resource {
	return access.Resource{Kind: access.ResourceUser, Path: sdk.ToString(path), Name: sdk.ToString(name)}
}

func liveRole(d types.RoleDetail) (access.LiveDocument, error) {
	doc, err := decode(d.AssumeRolePolicyDocument)
	return access.LiveDocument{Resource: roleResource(d.Path, d.RoleName), ID: sdk.ToString(d.RoleId), Exists: true, Document: doc}, err
}

func liveUser(d types.UserDetail) (access.LiveUser, error) {
	u := access.LiveUser{LiveDocument: access.LiveDocument{Resource: userResource(d.Path, d.UserName), ID: sdk.ToString(d.UserId), Exists: true}}
	for _, p := range d.UserPolicyList {
		doc, err := decode(p.PolicyDocument)
		if err != nil {
			return u, err
		}
		if sdk.ToString(p.PolicyName) == access.UserPolicyName {
			u.Document = doc
			continue
		}
		u.InlinePolicies = append(u.InlinePolicies, sdk.ToString(p.PolicyName))
		u.OtherInlineSize += size(doc)
	}
	u.AttachedPolicies = append(u.AttachedPolicies, attachedARNs(d.AttachedManagedPolicies)...)
	u.Groups = d.GroupList
	return u, nil
}

// size counts characters as IAM does, all but white space (docs/aws-facts.md, "White space").
func size(doc string) int {
	n := 0
	for _, r := range doc {
		if r != ' ' && r != '\t' && r != '\r' && r != '\n' {
			n++
		}
	}
	return n
}

// sizes remembers how many pages a sweep of an account had, to decide whether the next one is worth
// it.
type sizes struct {
	mu    sync.Mutex
	pages map[access.AccountID]int
}

func newSizes() *sizes { return &sizes{pages: map[access.AccountID]int{}} }

// of returns the number of pages that a sweep probably needs; one when nothing is known.
func (s *sizes) of(id access.AccountID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1, s.pages[id])
}

// saw keeps what a sweep showed: exactly when it went to the end, else at the least.
func (s *sizes) saw(id access.AccountID, pages int, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all {
		s.pages[id] = pages
		return
	}
	s.pages[id] = max(s.pages[id], pages+1)
}
