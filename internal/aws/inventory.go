package aws

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"portcullis.internal/portcullis/internal/access"
)

// Inventory reads all roles and users of an account, the managed policies that are ours,
// and its quotas, under a session that may only read. It leaves out what no mapping may touch: the deployment role, and the
// roles that belong to AWS.
func (c *Cloud) Inventory(ctx context.Context, account access.Account) (access.Inventory, error) {
	ctx, s, err := c.open(madeFor(ctx, ForScan), access.Scope{Account: account, SessionName: "portcullis-inventory"})
	if err != nil {
		return access.Inventory{}, err
	}
	inv := access.Inventory{Account: account.ID, ReadAt: time.Now()}
	if inv.Quotas, err = s.quotas(ctx); err != nil {
		return access.Inventory{}, err
	}
	var bad error
	pages, all, err := s.sweep(ctx, []types.EntityType{types.EntityTypeUser, types.EntityTypeRole, types.EntityTypeLocalManagedPolicy}, func(page *iam.GetAccountAuthorizationDetailsOutput) bool {
		bad = c.addTo(&inv, page)
		return bad == nil
	})
	if err != nil {
		return access.Inventory{}, err
	}
	if bad != nil {
		return access.Inventory{}, classify(call{s.account, "iam:GetAccountAuthorizationDetails", ""}, bad)
	}
	c.sizes.saw(account.ID, pages, all)
	return inv, nil
}

func (c *Cloud) addTo(inv *access.Inventory, page *iam.GetAccountAuthorizationDetailsOutput) error {
	for _, d := range page.RoleDetailList {
		doc, err := liveRole(d)
		if err != nil {
			return err
		}
		if !c.untouchable(doc.Resource) {
			inv.Roles = append(inv.Roles, doc)
		}
	}
	for _, d := range page.UserDetailList {
		u, err := liveUser(d)
		if err != nil {
			return err
		}
		inv.Users = append(inv.Users, u)
	}
	for _, d := range page.Policies {
		if _, _, ours := access.UserSideOwner(policyResource(d.Path, d.PolicyName)); !ours {
			continue
		}
		p, err := livePolicy(d)
		if err != nil {
			return err
		}
		inv.Policies = append(inv.Policies, p)
	}
	return nil
}

// untouchable reports a role that the console never writes (docs/aws-facts.md, "Protected roles").
func (c *Cloud) untouchable(r access.Resource) bool {
	return r.Path == c.role.Path && r.Name == c.role.Name ||
		strings.HasPrefix(r.Path, "/aws-service-role/") || strings.HasPrefix(r.Path, "/aws-reserved/")
}

// quotas reads the limits of this account; they may have been raised. See docs/aws-facts.md,
// "Quotas of an account".
func (s *session) quotas(ctx context.Context) (access.Quotas, error) {
	var q access.Quotas
	err := s.do(ctx, "iam:GetAccountSummary", "", func(client *iam.Client) error {
		out, err := client.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			return err
		}
		q = access.Quotas{
			TrustPolicy:   int(out.SummaryMap[string(types.SummaryKeyTypeAssumeRolePolicySizeQuota)]),
			UserPolicy:    int(out.SummaryMap[string(types.SummaryKeyTypeUserPolicySizeQuota)]),
			ManagedPolicy: int(out.SummaryMap[string(types.SummaryKeyTypePolicySizeQuota)]),
			Attachments:   int(out.SummaryMap[string(types.SummaryKeyTypeAttachedPoliciesPerUserQuota)]),
		}
		return nil
	})
	return q.OrDefault(), err
}
