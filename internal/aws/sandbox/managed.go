package sandbox

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/judge"
)

// managedPolicy is a customer managed policy. Versions are numbered for ever, and no
// number comes back.
type managedPolicy struct {
	Name     string
	Path     string
	ID       string
	Created  time.Time
	Updated  time.Time
	Versions []policyVersion // oldest first
	Default  int
	Last     int
}

type policyVersion struct {
	Number  int
	Text    string
	Created time.Time
}

const versionsPerPolicy = 5

func (p *managedPolicy) version(n int) (policyVersion, bool) {
	i := slices.IndexFunc(p.Versions, func(v policyVersion) bool { return v.Number == n })
	if i < 0 {
		return policyVersion{}, false
	}
	return p.Versions[i], true
}

// document is the text that counts: that of the default version.
func (p *managedPolicy) document() string {
	v, _ := p.version(p.Default)
	return v.Text
}

func versionID(n int) string { return "v" + strconv.Itoa(n) }

func versionNumber(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "v"))
	if err != nil || !strings.HasPrefix(id, "v") {
		return 0
	}
	return n
}

func (a *account) policyARN(p *managedPolicy) string {
	return "arn:aws:iam::" + string(a.ID) + ":policy" + p.Path + p.Name
}

// policy finds a customer managed policy by its whole ARN.
func (a *account) policy(arn string) *managedPolicy {
	p := a.Policies[strings.ToLower(lastPart(arn))]
	if p == nil || a.policyARN(p) != arn {
		return nil
	}
	return p
}

func (a *account) sortedPolicies() []*managedPolicy {
	return slices.SortedFunc(maps.Values(a.Policies), func(x, y *managedPolicy) int { return cmp.Compare(x.Name, y.Name) })
}

// attachments counts the users and roles that a policy is attached to.
func (a *account) attachments(arn string) int {
	n := 0
	for _, u := range a.Users {
		if slices.Contains(u.Attached, arn) {
			n++
		}
	}
	for _, r := range a.Roles {
		if slices.Contains(r.Attached, arn) {
			n++
		}
	}
	return n
}

func policyArgARN(c *call) string { return c.arg("PolicyArn") }

func newPolicyResource(c *call) string {
	return c.own().policyARN(&managedPolicy{Path: c.path(), Name: c.arg("PolicyName")})
}

// attachedUserResource is the user of an attachment; the policy is a condition key.
func attachedUserResource(c *call) string {
	c.keys["iam:policyarn"] = c.arg("PolicyArn")
	return userResource(c)
}

func (c *call) findPolicy() (*managedPolicy, *apiError) {
	arn := c.arg("PolicyArn")
	p := c.own().policy(arn)
	if p == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	}
	return p, nil
}

// acceptPolicy checks a managed policy's grammar and size.
func (c *call) acceptPolicy() (string, *apiError) {
	text := c.arg("PolicyDocument")
	if _, refusal := parseDocument(text, judge.IdentityPolicy); refusal != nil {
		return "", refusal
	}
	if quota := c.own().Quotas.OrDefault().ManagedPolicy; size(text) > quota {
		return "", overQuota("Cannot exceed quota for PolicySize: %d", quota)
	}
	return text, nil
}

func createPolicy(c *call) *apiError {
	name := c.arg("PolicyName")
	if !policyNameChars.MatchString(name) || !pathChars.MatchString(c.path()) {
		return invalidInput("The specified value for policyName or path is invalid.")
	}
	if c.own().Policies[strings.ToLower(name)] != nil {
		return exists("A policy called %s already exists. Duplicate names are not allowed.", name)
	}
	text, refusal := c.acceptPolicy()
	if refusal != nil {
		return refusal
	}
	now := c.org.now()
	p := &managedPolicy{
		Name: name, Path: c.path(), ID: uniqueID("ANPA", 21, string(c.own().ID), name, c.org.company.nextSerial()), Created: now, Updated: now,
		Versions: []policyVersion{{1, text, now}}, Default: 1, Last: 1,
	}
	c.own().addPolicy(p)
	c.lagManaged(p, lagged{})
	c.xml.in("Policy", func() { c.writePolicy(p) })
	return nil
}

func (a *account) addPolicy(p *managedPolicy) {
	if a.Policies == nil {
		a.Policies = map[string]*managedPolicy{}
	}
	a.Policies[strings.ToLower(p.Name)] = p
}

// lagManaged makes reads show a policy as it was: with another default version, or not
// at all.
func (c *call) lagManaged(p *managedPolicy, before lagged) { c.org.lag(c, "managed/"+p.ID, before) }

// shownDefault is the default version that a reader sees now; 0 for a policy that they
// do not see yet.
func (c *call) shownDefault(p *managedPolicy) int {
	shown, there := c.org.visible("managed", p.ID, versionID(p.Default), true)
	n := versionNumber(shown)
	if _, kept := p.version(n); there && !kept {
		return p.Default
	}
	return n
}

func (c *call) writePolicy(p *managedPolicy) {
	x := &c.xml
	x.el("PolicyName", p.Name)
	x.el("PolicyId", p.ID)
	x.el("Arn", c.own().policyARN(p))
	x.el("Path", p.Path)
	x.el("DefaultVersionId", versionID(c.shownDefault(p)))
	x.el("AttachmentCount", strconv.Itoa(c.own().attachments(c.own().policyARN(p))))
	x.el("IsAttachable", "true")
	x.time("CreateDate", p.Created)
	x.time("UpdateDate", p.Updated)
}

func (c *call) writeVersion(p *managedPolicy, v policyVersion, text bool) {
	x := &c.xml
	if text {
		x.el("Document", encode(v.Text))
	}
	x.el("VersionId", versionID(v.Number))
	x.el("IsDefaultVersion", strconv.FormatBool(v.Number == c.shownDefault(p)))
	x.time("CreateDate", v.Created)
}

func getPolicy(c *call) *apiError {
	p, refusal := c.findPolicy()
	if refusal != nil {
		return refusal
	}
	if c.shownDefault(p) == 0 {
		return noSuchPolicy("managed", c.arg("PolicyArn"))
	}
	c.xml.in("Policy", func() { c.writePolicy(p) })
	return nil
}

func (c *call) findVersion() (*managedPolicy, policyVersion, *apiError) {
	p, refusal := c.findPolicy()
	if refusal != nil {
		return nil, policyVersion{}, refusal
	}
	v, ok := p.version(versionNumber(c.arg("VersionId")))
	if !ok {
		return nil, v, refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s version %s does not exist.", c.arg("PolicyArn"), c.arg("VersionId"))
	}
	return p, v, nil
}

func getPolicyVersion(c *call) *apiError {
	p, v, refusal := c.findVersion()
	if refusal != nil {
		return refusal
	}
	c.xml.in("PolicyVersion", func() { c.writeVersion(p, v, true) })
	return nil
}

func listPolicyVersions(c *call) *apiError {
	p, refusal := c.findPolicy()
	if refusal != nil {
		return refusal
	}
	newest := slices.Clone(p.Versions)
	slices.Reverse(newest)
	return c.iamPage(len(newest), func(from, to int) {
		c.xml.in("Versions", func() {
			for _, v := range newest[from:to] {
				c.xml.in("member", func() { c.writeVersion(p, v, false) })
			}
		})
	})
}

func createPolicyVersion(c *call) *apiError {
	p, refusal := c.findPolicy()
	if refusal != nil {
		return refusal
	}
	text, refusal := c.acceptPolicy()
	if refusal != nil {
		return refusal
	}
	if len(p.Versions) >= versionsPerPolicy {
		return overQuota("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", versionsPerPolicy)
	}
	p.Last++
	v := policyVersion{p.Last, text, c.org.now()}
	p.Versions, p.Updated = append(slices.Clone(p.Versions), v), v.Created
	if c.arg("SetAsDefault") == "true" {
		c.lagManaged(p, lagged{text: versionID(p.Default), there: true})
		p.Default = v.Number
	}
	c.xml.in("PolicyVersion", func() { c.writeVersion(p, v, false) })
	return nil
}

func setDefaultPolicyVersion(c *call) *apiError {
	p, v, refusal := c.findVersion()
	if refusal != nil {
		return refusal
	}
	c.lagManaged(p, lagged{text: versionID(p.Default), there: true})
	p.Default, p.Updated = v.Number, c.org.now()
	return nil
}

func deletePolicyVersion(c *call) *apiError {
	p, v, refusal := c.findVersion()
	if refusal != nil {
		return refusal
	}
	if v.Number == p.Default {
		return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete the default version of a policy.")
	}
	p.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(o policyVersion) bool { return o.Number == v.Number })
	return nil
}

func deletePolicy(c *call) *apiError {
	p, refusal := c.findPolicy()
	if refusal != nil {
		return refusal
	}
	if c.own().attachments(c.own().policyARN(p)) > 0 {
		return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities.")
	}
	for _, u := range c.own().Users {
		if u.Boundary == c.own().policyARN(p) {
			return refuse(http.StatusConflict, "DeleteConflict",
				"Cannot delete a policy that is the permissions boundary of entities.")
		}
	}
	if len(p.Versions) > 1 {
		return refuse(http.StatusConflict, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	delete(c.own().Policies, strings.ToLower(p.Name))
	return nil
}

// listPolicies lists the customer's own, whatever the scope: what AWS manages is not a
// list here.
func listPolicies(c *call) *apiError {
	all := slices.DeleteFunc(c.own().sortedPolicies(), func(p *managedPolicy) bool {
		return !strings.HasPrefix(p.Path, c.arg("PathPrefix")) || c.shownDefault(p) == 0
	})
	return c.iamPage(len(all), func(from, to int) {
		c.xml.in("Policies", func() {
			for _, p := range all[from:to] {
				c.xml.in("member", func() { c.writePolicy(p) })
			}
		})
	})
}

func (c *call) writePolicyDetail(p *managedPolicy) {
	c.writePolicy(p)
	c.xml.in("PolicyVersionList", func() {
		for _, v := range p.Versions {
			c.xml.in("member", func() { c.writeVersion(p, v, true) })
		}
	})
}

// attachable checks that a policy is there to be attached; those of AWS all are.
func (c *call) attachable() *apiError {
	arn := c.arg("PolicyArn")
	if accountOf(arn) == "aws" {
		return nil
	}
	if _, refusal := c.findPolicy(); refusal != nil || accountOf(arn) != c.own().ID {
		return refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	}
	return nil
}

func attachUserPolicy(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	if refusal := c.attachable(); refusal != nil {
		return refusal
	}
	if slices.Contains(u.Attached, c.arg("PolicyArn")) {
		return nil
	}
	if quota := c.own().Quotas.OrDefault().Attachments; len(u.Attached) >= quota {
		return overQuota("Cannot exceed quota for PoliciesPerUser: %d", quota)
	}
	c.lagAttached(u)
	u.Attached = append(slices.Clone(u.Attached), c.arg("PolicyArn"))
	return nil
}

func detachUserPolicy(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	i := slices.Index(u.Attached, c.arg("PolicyArn"))
	if i < 0 {
		return noSuchPolicy("attached", c.arg("PolicyArn"))
	}
	c.lagAttached(u)
	u.Attached = slices.Delete(slices.Clone(u.Attached), i, i+1)
	return nil
}

func (c *call) lagAttached(u *user) {
	c.org.lag(c, "attached/"+u.ID, lagged{text: strings.Join(u.Attached, " "), there: true})
}

// shownAttached is what a reader sees attached to a user now.
func (c *call) shownAttached(u *user) []string {
	text, _ := c.org.visible("attached", u.ID, strings.Join(u.Attached, " "), true)
	return strings.Fields(text)
}

func listAttachedUserPolicies(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	return c.attachedPage(c.shownAttached(u))
}

// attachedPage is a page of the attached policies whose paths begin with the prefix of the call.
func (c *call) attachedPage(arns []string) *apiError {
	shown := slices.DeleteFunc(slices.Clone(arns), func(arn string) bool {
		return !strings.HasPrefix(arn[strings.LastIndex(arn, ":policy/")+len(":policy"):], c.arg("PathPrefix"))
	})
	return c.iamPage(len(shown), func(from, to int) { c.writeAttached("AttachedPolicies", shown[from:to]) })
}
