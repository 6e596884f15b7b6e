package order

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// NewlyOpened lists the roles that a user policy opens and that the live policy of the user does not surely allow. Of
// a pattern it lists the openings of the plan that the pattern covers. The basis is that of the plan; it is empty for
// a role that the plan did not count as newly opened.
func NewlyOpened(after, live, partition string, planned []access.Opening) []access.Opening {
	resources, _ := iam.AssumeResources(after)
	var opened []access.Opening
	seen := map[access.Dependency]bool{}
	add := func(o access.Opening) {
		key := access.Dependency{Account: o.Account, Resource: o.Resource()}
		if seen[key] || iam.AllowsAssumeRole(live, o.Role.ARN(partition, o.Account)) {
			return
		}
		seen[key] = true
		opened = append(opened, o)
	}
	for _, r := range resources {
		for _, o := range planned {
			if iam.CoversRole(r, o.Role.ARN(partition, o.Account)) {
				add(o)
			}
		}
		if arn, literal := iam.LiteralRole(r); literal {
			if account, role, ok := access.ParseRoleARN(arn); ok {
				add(access.Opening{Account: account, Role: role})
			}
		}
	}
	return opened
}

// CutDown returns a user policy without the roles of some openings. A pattern that covers one of them is replaced
// by those ARNs of the policy before that it covers. "" means that the user gets no policy.
func CutDown(after, before, partition string, held []access.Opening, limit int) (string, error) {
	if len(held) == 0 {
		return after, nil
	}
	arns := make([]string, len(held))
	for i, o := range held {
		arns[i] = o.Role.ARN(partition, o.Account)
	}
	had, _ := iam.AssumeResources(before)
	cut, err := iam.ReplaceResources(after, func(r string) []string {
		if !slices.ContainsFunc(arns, func(arn string) bool { return iam.CoversRole(r, arn) }) {
			return []string{r}
		}
		return slices.DeleteFunc(slices.Clone(had), func(b string) bool {
			arn, literal := iam.LiteralRole(b)
			return b != r && (!literal || !iam.CoversRole(r, arn))
		})
	})
	if err != nil || limit <= 0 || iam.Size(cut) <= limit {
		return cut, err
	}
	return keepCovered(before, after)
}

// keepCovered returns the policy before without the roles that the policy after does not have. It is never longer than
// the policy before.
func keepCovered(before, after string) (string, error) {
	wanted, _ := iam.AssumeResources(after)
	return iam.ReplaceResources(before, func(b string) []string {
		arn, literal := iam.LiteralRole(b)
		for _, r := range wanted {
			if b == r || literal && iam.CoversRole(r, arn) {
				return []string{b}
			}
		}
		return nil
	})
}

// rolePart is what follows the account in the resource of a role: "role/team/Bob". ok is false where the resource is
// not of that form.
func rolePart(resource string) (account, role string, ok bool) {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "role/") {
		return "", "", false
	}
	return parts[4], parts[5], true
}
