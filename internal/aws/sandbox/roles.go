package sandbox

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/judge"
)

var (
	nameChars = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	pathChars = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
)

const roleInlineQuota = 10_240

// encode is a document as IAM's answers carry it: percent-encoded after RFC 3986.
func encode(doc string) string { return strings.ReplaceAll(url.QueryEscape(doc), "+", "%20") }

func (c *call) findRole() (*role, *apiError) {
	if c.arg("RoleName") == "" {
		return nil, invalidInput("1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must not be null")
	}
	r := c.own().role(c.arg("RoleName"))
	if r == nil {
		return nil, noSuchRole(c.arg("RoleName"))
	}
	return r, nil
}

// roleToEdit is findRole for writes: nobody edits AWS's own roles.
func (c *call) roleToEdit() (*role, *apiError) {
	r, refusal := c.findRole()
	if refusal != nil {
		return nil, refusal
	}
	if serviceLinked(r) {
		return nil, refuse(http.StatusBadRequest, "UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
	}
	return r, nil
}

func (c *call) writeRole(r *role) {
	x := &c.xml
	x.el("Path", r.Path)
	x.el("RoleName", r.Name)
	x.el("RoleId", r.ID)
	x.el("Arn", c.own().roleARN(r))
	x.time("CreateDate", r.Created)
	x.el("AssumeRolePolicyDocument", encode(c.trustOf(r)))
	x.el("MaxSessionDuration", strconv.Itoa(r.MaxSession))
	if c.name != "ListRoles" { // which leaves the tags out, as AWS does
		c.writeTags(r.Tags)
	}
}

func getRole(c *call) *apiError {
	r, refusal := c.findRole()
	if refusal != nil {
		return refusal
	}
	c.xml.in("Role", func() { c.writeRole(r) })
	return nil
}

func listRoles(c *call) *apiError {
	all := slices.DeleteFunc(c.own().sortedRoles(), func(r *role) bool { return !strings.HasPrefix(r.Path, c.arg("PathPrefix")) })
	return c.iamPage(len(all), func(from, to int) {
		c.xml.in("Roles", func() {
			for _, r := range all[from:to] {
				c.xml.in("member", func() { c.writeRole(r) })
			}
		})
	})
}

func createRole(c *call) *apiError {
	name := c.arg("RoleName")
	if !nameChars.MatchString(name) || !pathChars.MatchString(c.path()) {
		return invalidInput("The specified value for roleName or path is invalid.")
	}
	if c.own().role(name) != nil {
		return exists("Role with name %s already exists.", name)
	}
	trust, refusal := c.acceptTrust(c.arg("AssumeRolePolicyDocument"))
	if refusal != nil {
		return refusal
	}
	maxSession := defaultSession
	if given := c.arg("MaxSessionDuration"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 3600 || n > 43200 {
			return invalidInput("1 validation error detected: Value '%s' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200", given)
		}
		maxSession = n
	}
	r := &role{
		Name: name, Path: c.path(), ID: roleID(c.own().ID, name, c.org.company.nextSerial()),
		Created: c.org.now(), MaxSession: maxSession, Trust: trust, Tags: c.tagArgs(),
	}
	c.own().addRole(r)
	c.org.entities[r.ID] = entity{account: c.own(), role: r}
	c.xml.in("Role", func() { c.writeRole(r) })
	return nil
}

func deleteRole(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	if len(r.Inline)+len(r.Attached) > 0 {
		return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	delete(c.own().Roles, strings.ToLower(r.Name))
	delete(c.org.entities, r.ID)
	return nil
}

// acceptTrust checks a trust policy's grammar, size and principals.
func (c *call) acceptTrust(text string) (string, *apiError) {
	stored, refusal := c.org.storeTrust(text)
	if refusal != nil {
		return "", refusal
	}
	if quota := c.own().Quotas.OrDefault().TrustPolicy; size(text) > quota {
		return "", overQuota("Cannot exceed quota for ACLSizePerRole: %d", quota)
	}
	return stored, nil
}

func updateAssumeRolePolicy(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	stored, refusal := c.acceptTrust(c.arg("PolicyDocument"))
	if refusal != nil {
		return refusal
	}
	c.org.keepLagging(c, "trust", r.ID, r.Trust)
	r.Trust = stored
	return nil
}

// trustOf is a role's trust policy as a reader sees it now.
func (c *call) trustOf(r *role) string {
	stored, _ := c.org.visible("trust", r.ID, r.Trust, true)
	return c.org.readTrust(stored)
}

func putRolePolicy(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	inline, refusal := c.withPolicy(r.Inline, roleInlineQuota, "role "+r.Name)
	if refusal != nil {
		return refusal
	}
	r.Inline = inline
	return nil
}

func getRolePolicy(c *call) *apiError {
	r, refusal := c.findRole()
	if refusal != nil {
		return refusal
	}
	doc, ok := r.Inline[c.arg("PolicyName")]
	if !ok {
		return noSuchPolicy("role", c.arg("PolicyName"))
	}
	c.xml.el("RoleName", r.Name)
	c.xml.el("PolicyName", c.arg("PolicyName"))
	c.xml.el("PolicyDocument", encode(doc))
	return nil
}

func listRolePolicies(c *call) *apiError {
	r, refusal := c.findRole()
	if refusal != nil {
		return refusal
	}
	names := slices.Sorted(maps.Keys(r.Inline))
	return c.iamPage(len(names), func(from, to int) { c.xml.names("PolicyNames", names[from:to]) })
}

func deleteRolePolicy(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	if _, ok := r.Inline[c.arg("PolicyName")]; !ok {
		return noSuchPolicy("role", c.arg("PolicyName"))
	}
	delete(r.Inline, c.arg("PolicyName"))
	return nil
}

// attachedRoleResource is the role of an attachment; the policy is a condition key.
func attachedRoleResource(c *call) string {
	c.keys["iam:policyarn"] = c.arg("PolicyArn")
	return roleResource(c)
}

func attachRolePolicy(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	if refusal := c.attachable(); refusal != nil {
		return refusal
	}
	if slices.Contains(r.Attached, c.arg("PolicyArn")) {
		return nil
	}
	if len(r.Attached) >= policiesPerRole {
		return overQuota("Cannot exceed quota for PoliciesPerRole: %d", policiesPerRole)
	}
	r.Attached = append(slices.Clone(r.Attached), c.arg("PolicyArn"))
	return nil
}

const policiesPerRole = 10

func detachRolePolicy(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	i := slices.Index(r.Attached, c.arg("PolicyArn"))
	if i < 0 {
		return noSuchPolicy("attached", c.arg("PolicyArn"))
	}
	r.Attached = slices.Delete(slices.Clone(r.Attached), i, i+1)
	return nil
}

func listAttachedRolePolicies(c *call) *apiError {
	r, refusal := c.findRole()
	if refusal != nil {
		return refusal
	}
	return c.attachedPage(r.Attached)
}

// withPolicy returns a holder's inline policies with the one of the call put in. The
// quota is on all of them together.
func (c *call) withPolicy(inline map[string]string, quota int, holder string) (map[string]string, *apiError) {
	name, text := c.arg("PolicyName"), c.arg("PolicyDocument")
	if !policyNameChars.MatchString(name) {
		return nil, invalidInput("The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	if _, refusal := parseDocument(text, judge.IdentityPolicy); refusal != nil {
		return nil, refusal
	}
	with := maps.Clone(inline)
	if with == nil {
		with = map[string]string{}
	}
	with[name] = text
	total := 0
	for _, doc := range with {
		total += size(doc)
	}
	if total > quota {
		return nil, overQuota("Maximum policy size of %d bytes exceeded for %s", quota, holder)
	}
	return with, nil
}

var policyNameChars = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// lagged is a document that was written over, and until when reads still show it.
type lagged struct {
	text  string
	there bool
	until time.Time
}

// keepLagging remembers the document before a write when a fault wants reads to lag.
func (o *Organization) keepLagging(c *call, kind, id, before string) {
	o.lag(c, kind+"/"+id, lagged{text: before, there: true})
}

func (o *Organization) lag(c *call, key string, before lagged) {
	if c.effect.lag > 0 {
		maps.DeleteFunc(o.lagging, func(_ string, l lagged) bool { return o.now().After(l.until) })
		before.until = o.now().Add(c.effect.lag)
		o.lagging[key] = before
	}
}

// visible returns what a read shows: the document now, or the one before while reads lag.
func (o *Organization) visible(kind, id, now string, there bool) (string, bool) {
	if old, ok := o.lagging[kind+"/"+id]; ok && o.now().Before(old.until) {
		return old.text, old.there
	}
	return now, there
}
