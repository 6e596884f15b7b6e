package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"golang.org/x/sync/errgroup"

	"portcullis.internal/portcullis/internal/access"
)

// parallelReads is how many calls to Organizations are under way at once; the bucket
// says how many a second.
const parallelReads = 8

// organizationSweep is one reading of the organization.
type organizationSweep struct {
	client *organizations.Client
	org    access.Organization

	mu       sync.Mutex
	ous      []access.OU
	parentOf map[access.AccountID]string // OU or root id, where AWS says it only by listing
}

// Organization reads all accounts, the tree of OUs and the accounts' tags.
func (c *Cloud) Organization(ctx context.Context) (access.Organization, error) {
	ctx = at(madeFor(ctx, ForOrganization), &place{counter: c.counts.of("")})
	s := &organizationSweep{client: c.clients.organizations, parentOf: map[access.AccountID]string{}}
	for _, step := range []func(context.Context) error{s.describe, s.readTree, s.readAccounts, s.readTags} {
		if err := step(ctx); err != nil {
			return access.Organization{}, err
		}
	}
	slices.SortFunc(s.org.Accounts, func(a, b access.Account) int { return cmp.Compare(a.ID, b.ID) })
	return s.org, nil
}

func classifyOrg(action, resource string, err error) error {
	return classify(call{"", "organizations:" + action, resource}, err)
}

func (s *organizationSweep) describe(ctx context.Context) error {
	out, err := s.client.DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	if err != nil {
		return classifyOrg("DescribeOrganization", "", err)
	}
	s.org.ID = sdk.ToString(out.Organization.Id)
	s.org.ManagementAccountID = access.AccountID(sdk.ToString(out.Organization.MasterAccountId))
	return nil
}

// readTree goes down from the roots level by level.
func (s *organizationSweep) readTree(ctx context.Context) error {
	var level []access.OU
	pages := organizations.NewListRootsPaginator(s.client, &organizations.ListRootsInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return classifyOrg("ListRoots", "", err)
		}
		for _, r := range out.Roots {
			name := sdk.ToString(r.Name)
			level = append(level, access.OU{ID: sdk.ToString(r.Id), Name: name, Path: access.JoinOUPath(name)})
		}
	}
	for len(level) > 0 {
		slices.SortFunc(level, func(a, b access.OU) int { return cmp.Compare(a.Path, b.Path) })
		s.org.OUs = append(s.org.OUs, level...)
		s.ous = nil
		if err := each(ctx, level, s.readChildren); err != nil {
			return err
		}
		level = s.ous
	}
	return nil
}

func (s *organizationSweep) readChildren(ctx context.Context, parent access.OU) error {
	pages := organizations.NewListOrganizationalUnitsForParentPaginator(s.client, &organizations.ListOrganizationalUnitsForParentInput{ParentId: &parent.ID})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return classifyOrg("ListOrganizationalUnitsForParent", parent.ID, err)
		}
		s.mu.Lock()
		for _, ou := range out.OrganizationalUnits {
			name := sdk.ToString(ou.Name)
			path := parent.Path + "/" + access.JoinOUPath(name)
			s.ous = append(s.ous, access.OU{ID: sdk.ToString(ou.Id), ParentID: parent.ID, Name: name, Path: path})
		}
		s.mu.Unlock()
	}
	return nil
}

// readAccounts lists the accounts. A page without accounts is not the end while it has
// the token of a next one (docs/aws-facts.md, "Listing accounts").
func (s *organizationSweep) readAccounts(ctx context.Context) error {
	now := time.Now()
	var listed []types.Account
	pages := organizations.NewListAccountsPaginator(s.client, &organizations.ListAccountsInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return classifyOrg("ListAccounts", "", err)
		}
		listed = append(listed, out.Accounts...)
	}
	if slices.ContainsFunc(listed, func(a types.Account) bool { return len(a.Paths) == 0 }) {
		if err := each(ctx, s.org.OUs, s.readMembers); err != nil {
			return err
		}
	}
	tree := access.NewOUs(s.org.OUs)
	for _, a := range listed {
		account := s.account(a, now)
		s.place(tree, &account, a)
		s.org.Accounts = append(s.org.Accounts, account)
	}
	return nil
}

// place puts an account into the tree. The path that AWS gives with the account is newer than the tree, so an OU that
// was created in between is known by its id alone.
func (s *organizationSweep) place(tree *access.OUs, account *access.Account, a types.Account) {
	tree.Place(account, s.parent(a))
	if account.OUIDs == nil {
		account.OUIDs = idsOf(a)
	}
}

// readMembers finds out which accounts are right under an OU, for when AWS does not say
// so beside the account.
func (s *organizationSweep) readMembers(ctx context.Context, ou access.OU) error {
	pages := organizations.NewListAccountsForParentPaginator(s.client, &organizations.ListAccountsForParentInput{ParentId: &ou.ID})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return classifyOrg("ListAccountsForParent", ou.ID, err)
		}
		s.mu.Lock()
		for _, a := range out.Accounts {
			s.parentOf[access.AccountID(sdk.ToString(a.Id))] = ou.ID
		}
		s.mu.Unlock()
	}
	return nil
}

// parent returns the id of the OU or root that an account is right under.
func (s *organizationSweep) parent(a types.Account) string {
	if len(a.Paths) == 0 {
		return s.parentOf[access.AccountID(sdk.ToString(a.Id))]
	}
	ids := idsOf(a)
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// idsOf returns the ids on the path that AWS gives with an account, from the root down: of
// "o-…/r-…/ou-…/123456789012/" those between the organization and the account.
func idsOf(a types.Account) []string {
	if len(a.Paths) == 0 {
		return nil
	}
	steps := strings.Split(strings.Trim(a.Paths[0], "/"), "/")
	if len(steps) < 3 {
		return nil
	}
	return steps[1 : len(steps)-1]
}

func (s *organizationSweep) account(a types.Account, now time.Time) access.Account {
	id := access.AccountID(sdk.ToString(a.Id))
	return access.Account{
		ID: id, Name: sdk.ToString(a.Name), Email: sdk.ToString(a.Email), State: access.AccountState(a.State),
		Partition: partitionOf(sdk.ToString(a.Arn)), Management: id == s.org.ManagementAccountID, SyncedAt: now,
	}
}

func partitionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 3 {
		return "aws"
	}
	return parts[1]
}

func (s *organizationSweep) readTags(ctx context.Context) error {
	places := make([]int, len(s.org.Accounts))
	for i := range places {
		places[i] = i
	}
	return each(ctx, places, func(ctx context.Context, i int) error {
		tags, err := s.tagsOf(ctx, s.org.Accounts[i].ID)
		s.org.Accounts[i].Tags = tags
		return err
	})
}

func (s *organizationSweep) tagsOf(ctx context.Context, id access.AccountID) (map[string]string, error) {
	tags := map[string]string{}
	pages := organizations.NewListTagsForResourcePaginator(s.client, &organizations.ListTagsForResourceInput{ResourceId: sdk.String(string(id))})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classifyOrg("ListTagsForResource", string(id), err)
		}
		for _, t := range out.Tags {
			tags[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
		}
	}
	return tags, nil
}

// each runs a step for every item, a few at a time, and stops at the first error.
func each[T any](ctx context.Context, items []T, step func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for _, item := range items {
		g.Go(func() error { return step(ctx, item) })
	}
	return g.Wait()
}
