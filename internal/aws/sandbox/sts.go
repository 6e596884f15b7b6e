package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/judge"
)

func getCallerIdentity(c *call) *apiError {
	c.xml.el("Arn", c.caller.arn())
	c.xml.el("UserId", c.caller.userid())
	c.xml.el("Account", string(c.caller.account.ID))
	return nil
}

// assumption is a checked request for a session.
type assumption struct {
	target   *account
	role     *role
	name     string
	duration time.Duration
	policy   *judge.Document
	source   string
	tags     map[string]string
}

func assumeRole(c *call) *apiError {
	a, refusal := c.readAssumption()
	if refusal != nil {
		return refusal
	}
	if refusal := c.addAssumptionKeys(a); refusal != nil {
		return refusal
	}
	for _, action := range a.actions() {
		if a.role == nil || !a.target.active() || !c.org.trusts(c, action, a.target, a.role) {
			return accessDenied("User: %s is not authorized to perform: %s on resource: %s", c.caller.arn(), action, c.resource)
		}
	}
	if refusal := a.checkDuration(c.caller); refusal != nil {
		return refusal
	}
	c.issue(a)
	return nil
}

var (
	sessionNameChars = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDChars  = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

const (
	defaultSession = 3600
	maxPolicy      = 2048
)

func (c *call) readAssumption() (assumption, *apiError) {
	a := assumption{name: c.arg("RoleSessionName"), source: c.arg("SourceIdentity")}
	if !sessionNameChars.MatchString(a.name) {
		return a, invalidInput("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]* and have length between 2 and 64", a.name)
	}
	if a.source != "" && (!sessionNameChars.MatchString(a.source) || strings.HasPrefix(a.source, "aws:")) {
		return a, invalidInput("1 validation error detected: Value '%s' at 'sourceIdentity' failed to satisfy constraint", a.source)
	}
	if id := c.arg("ExternalId"); id != "" && (len(id) > 1224 || !externalIDChars.MatchString(id)) {
		return a, invalidInput("1 validation error detected: Value at 'externalId' failed to satisfy constraint")
	}
	arn := strings.SplitN(c.arg("RoleArn"), ":", 6)
	if len(arn) != 6 || arn[0] != "arn" || !strings.HasPrefix(arn[5], "role/") {
		return a, invalidInput("%s is invalid", c.arg("RoleArn"))
	}
	if a.target = c.org.accounts[c.account]; a.target != nil {
		// The path has to be right too, and in this place case counts.
		if r := a.target.role(lastPart(arn[5])); r != nil && a.target.roleARN(r) == c.arg("RoleArn") {
			a.role = r
		}
	}
	a.tags = c.sessionTags()
	return a, c.readLimits(&a)
}

func (c *call) readLimits(a *assumption) *apiError {
	seconds := defaultSession
	if given := c.arg("DurationSeconds"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 900 || n > 43200 {
			return invalidInput("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", given)
		}
		seconds = n
	}
	a.duration = time.Duration(seconds) * time.Second
	text := c.arg("Policy")
	if text == "" {
		return nil
	}
	if len(text) > maxPolicy {
		return refuse(http.StatusBadRequest, "PackedPolicyTooLarge", "The session policy has %d characters; at most %d are accepted.", len(text), maxPolicy)
	}
	doc, refusal := parseDocument(text, judge.IdentityPolicy)
	a.policy = doc
	return refusal
}

func (c *call) sessionTags() map[string]string {
	tags := map[string]string{}
	for i := 1; ; i++ {
		prefix := "Tags.member." + strconv.Itoa(i) + "."
		key := c.arg(prefix + "Key")
		if key == "" {
			return tags
		}
		tags[key] = c.arg(prefix + "Value")
	}
}

// actions are all that the trust policy has to allow for this request.
func (a assumption) actions() []string {
	actions := []string{"sts:AssumeRole"}
	if a.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	if len(a.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	return actions
}

// mfaCode is the one code that every user's device shows.
const mfaCode = "123456"

func (c *call) addAssumptionKeys(a assumption) *apiError {
	c.keys["sts:rolesessionname"] = a.name
	if a.target != nil && a.target.member() {
		c.keys["aws:resourceorgid"] = c.org.company.ID
	}
	if id := c.arg("ExternalId"); id != "" {
		c.keys["sts:externalid"] = id
	}
	if a.source != "" {
		c.keys["sts:sourceidentity"] = a.source
	}
	for k, v := range a.tags {
		c.keys["aws:requesttag/"+strings.ToLower(k)] = v
	}
	mfa, refusal := c.checkMFA()
	if mfa {
		setMFA(c.keys, "0")
	}
	return refusal
}

// checkMFA checks the code of a call that sends one. used is false for a call without.
func (c *call) checkMFA() (used bool, refusal *apiError) {
	serial := c.arg("SerialNumber")
	if serial == "" {
		return false, nil
	}
	u := c.caller.user
	if u == nil || serial != "arn:aws:iam::"+string(c.caller.account.ID)+":mfa/"+u.Name || c.arg("TokenCode") != mfaCode {
		return false, accessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
	}
	return true, nil
}

func (a assumption) checkDuration(who *caller) *apiError {
	if a.duration > time.Duration(a.role.MaxSession)*time.Second {
		return invalidInput("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if who.session != nil && a.duration > time.Hour {
		return invalidInput("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return nil
}

func (c *call) issue(a assumption) {
	keyID, secret, token := newCredentials()
	now := c.org.now()
	s := &session{
		account: a.target, role: a.role, name: a.name, secret: secret, token: token,
		issued: now, expires: now.Add(a.duration), policy: a.policy, source: a.source, tags: a.tags,
	}
	if from := c.caller.session; from != nil && s.source == "" {
		s.source = from.source
	}
	c.org.sessions.put(keyID, now, s)
	c.writeCredentials(keyID, s)
	c.xml.in("AssumedRoleUser", func() {
		c.xml.el("AssumedRoleId", a.role.ID+":"+a.name)
		c.xml.el("Arn", s.arn())
	})
	if s.source != "" {
		c.xml.el("SourceIdentity", s.source)
	}
	if a.policy != nil {
		c.xml.el("PackedPolicySize", strconv.Itoa(len(c.arg("Policy"))*100/maxPolicy))
	}
}

// serviceLinked reports whether a role belongs to AWS, which lets nobody else edit it.
func serviceLinked(r *role) bool {
	return slices.ContainsFunc([]string{"/aws-service-role/", "/aws-reserved/"}, func(p string) bool { return strings.HasPrefix(r.Path, p) })
}
