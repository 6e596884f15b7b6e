package change

import (
	"context"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// The most roles, and accounts of each, that are compiled to show the policy size. The cost of a
// page must not grow with the organization, and the accounts of a mapping differ in little but
// their quota and the statements of others.
const (
	sizedRoles    = 20
	sizedAccounts = 8
)

// sizesKey says what sizes depend on beside the time.
type sizesKey struct {
	allowlist           string
	revision, inventory int64
}

// sizesLife bounds how long sizes are kept.
const sizesLife = 5 * time.Minute

// sizesOf says how full the trust policies are that depend on an allowlist, by role.
func (s *Service) sizesOf(
	ctx context.Context, state access.State, allowlist string, inventory int64,
) ([]policy.RoleSize, error) {
	roles, err := s.store.RolesUsing(ctx, state.Revision, allowlist, sizedRoles)
	if err != nil || len(roles) == 0 {
		return nil, err
	}
	now := s.now()
	key := sizesKey{allowlist, state.Revision, inventory}
	return s.sizes.get(key, now, func() ([]policy.RoleSize, time.Time, error) {
		sizes, err := s.measureSizes(ctx, state, roles)
		return sizes, planning.Earliest(planning.NextExpiry(s.at(), state), now.Add(sizesLife)), err
	})
}

// measureSizes compiles a few accounts of each role.
func (s *Service) measureSizes(
	ctx context.Context, state access.State, roles []access.RoleName,
) ([]policy.RoleSize, error) {
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	sizes := make([]policy.RoleSize, len(roles))
	looked := make([][]access.Account, len(roles))
	chosen := map[access.AccountID]access.Account{}
	for i, role := range roles {
		looked[i], sizes[i] = sampleAccounts(state, role, all)
		for _, a := range looked[i] {
			chosen[a.ID] = a
		}
	}
	accounts := make([]access.Account, 0, len(chosen))
	for _, id := range planning.IDs(chosen) {
		accounts = append(accounts, chosen[id])
	}
	relevant, err := s.store.StateRelevantTo(ctx, state.Revision, accounts)
	if err != nil {
		return nil, err
	}
	w, err := s.planInputOf(ctx, relevant, accounts)
	if err != nil {
		return nil, err
	}
	compiler, err := policy.NewCompiler(w.PolicyInput(relevant))
	if err != nil {
		return nil, err
	}
	for i := range sizes {
		sizes[i].Measure(compiler, looked[i])
	}
	return sizes, nil
}

// ofRole are the mappings of a role: the order of a state keeps them together.
func ofRole(state access.State, role access.RoleName) []access.Mapping {
	compare := func(m access.Mapping, role string) int { return strings.Compare(m.Role.String(), role) }
	first, _ := slices.BinarySearchFunc(state.Mappings, role.String(), compare)
	rest := state.Mappings[first:]
	n := 0
	for n < len(rest) && rest[n].Role == role {
		n++
	}
	return rest[:n]
}

// sampleAccounts picks the accounts of a role to compile: those with the smallest quota first,
// since they are full first.
func sampleAccounts(
	state access.State, role access.RoleName, all []access.Account,
) ([]access.Account, policy.RoleSize) {
	reaches := reachOf(ofRole(state, role))
	reached := 0
	var few []access.Account // ascending by quota
	for _, a := range all {
		if ok, _ := a.Targetable(); !ok || !reaches(a) {
			continue
		}
		reached++
		at, _ := slices.BinarySearchFunc(few, trustQuota(a)+1, func(a access.Account, n int) int { return trustQuota(a) - n })
		if at < sizedAccounts {
			few = slices.Insert(few, at, a)[:min(len(few)+1, sizedAccounts)]
		}
	}
	return few, policy.RoleSize{Role: role, Reached: reached, Looked: len(few)}
}

func trustQuota(a access.Account) int { return a.Quotas.OrDefault().TrustPolicy }

// reachOf says which accounts mappings reach, looking at each way of choosing them once.
func reachOf(mappings []access.Mapping) func(access.Account) bool {
	ids := map[access.AccountID]bool{}
	ways := map[string]access.Selector{}
	for _, m := range mappings {
		if len(m.Accounts.IDs) == 0 || len(m.Accounts.Except) > 0 {
			ways[m.Accounts.String()] = m.Accounts
			continue
		}
		for _, id := range m.Accounts.IDs {
			ids[id] = true
		}
	}
	return func(a access.Account) bool {
		if ids[a.ID] {
			return true
		}
		for _, way := range ways {
			if way.Matches(a) {
				return true
			}
		}
		return false
	}
}
