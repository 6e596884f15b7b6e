package sandbox

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// getAccountAuthorizationDetails shows users first, then roles, then the customer's own
// managed policies, in one paged list.
func getAccountAuthorizationDetails(c *call) *apiError {
	var users []*user
	var roles []*role
	if c.wants("User") {
		users = c.own().sortedUsers()
	}
	if c.wants("Role") {
		roles = c.own().sortedRoles()
	}
	var policies []*managedPolicy
	if c.wants("LocalManagedPolicy") {
		policies = slices.DeleteFunc(c.own().sortedPolicies(), func(p *managedPolicy) bool { return c.shownDefault(p) == 0 })
	}
	before := len(users) + len(roles)
	return c.iamPage(before+len(policies), func(from, to int) {
		c.xml.in("UserDetailList", func() {
			for _, u := range users[min(from, len(users)):min(to, len(users))] {
				c.xml.in("member", func() { c.writeUserDetail(u) })
			}
		})
		c.xml.in("RoleDetailList", func() {
			for _, r := range roles[clamp(from-len(users), len(roles)):clamp(to-len(users), len(roles))] {
				c.xml.in("member", func() { c.writeRoleDetail(r) })
			}
		})
		c.xml.names("GroupDetailList", nil)
		c.xml.in("Policies", func() {
			for _, p := range policies[max(from-before, 0):max(to-before, 0)] {
				c.xml.in("member", func() { c.writePolicyDetail(p) })
			}
		})
	})
}

// clamp returns n, or the nearest number from 0 to most.
func clamp(n, most int) int { return min(max(n, 0), most) }

// wants reports whether the call's filter has a kind; without a filter it has all.
func (c *call) wants(kind string) bool {
	for i := 1; ; i++ {
		switch c.arg("Filter.member." + strconv.Itoa(i)) {
		case kind:
			return true
		case "":
			return i == 1
		}
	}
}

func (c *call) writeUserDetail(u *user) {
	c.writeUser(u)
	c.xml.in("UserPolicyList", func() { c.writeInline(u.ID, u.Inline) })
	c.xml.names("GroupList", u.Groups)
	c.writeAttached("AttachedManagedPolicies", c.shownAttached(u))
}

func (c *call) writeInline(holder string, inline map[string]string) {
	shown := map[string]string{}
	maps.Copy(shown, inline)
	for key, old := range c.org.lagging {
		name, found := strings.CutPrefix(key, "inline/"+holder+"/")
		switch {
		case !found || !c.org.now().Before(old.until):
		case old.there:
			shown[name] = old.text
		default:
			delete(shown, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		c.xml.in("member", func() {
			c.xml.el("PolicyName", name)
			c.xml.el("PolicyDocument", encode(shown[name]))
		})
	}
}

func (c *call) writeRoleDetail(r *role) {
	x := &c.xml
	x.el("Path", r.Path)
	x.el("RoleName", r.Name)
	x.el("RoleId", r.ID)
	x.el("Arn", c.own().roleARN(r))
	x.time("CreateDate", r.Created)
	x.el("AssumeRolePolicyDocument", encode(c.trustOf(r)))
	x.names("InstanceProfileList", nil)
	x.in("RolePolicyList", func() { c.writeInline(r.ID, r.Inline) })
	c.writeAttached("AttachedManagedPolicies", r.Attached)
	c.writeTags(r.Tags)
}

func getAccountSummary(c *call) *apiError {
	q := c.own().Quotas.OrDefault()
	entries := map[string]int{
		"AssumeRolePolicySizeQuota":    q.TrustPolicy,
		"UserPolicySizeQuota":          q.UserPolicy,
		"PolicySizeQuota":              q.ManagedPolicy,
		"VersionsPerPolicyQuota":       versionsPerPolicy,
		"AttachedPoliciesPerUserQuota": q.Attachments,
		"Policies":                     len(c.own().Policies),
		"RolesQuota":                   1000,
		"UsersQuota":                   5000,
		"Roles":                        len(c.own().Roles),
		"Users":                        len(c.own().Users),
	}
	c.xml.in("SummaryMap", func() {
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			c.xml.in("entry", func() {
				c.xml.el("key", key)
				c.xml.el("value", strconv.Itoa(entries[key]))
			})
		}
	})
	return nil
}
