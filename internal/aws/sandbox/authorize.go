package sandbox

import "portcullis.internal/portcullis/internal/judge"

// policyRequest is the call as policies see it.
func (c *call) policyRequest(action string) judge.Request {
	return judge.Request{Principal: c.caller.principal(), Action: action, Resource: c.resource, Keys: c.keys}
}

func (c *caller) principal() judge.Principal {
	return judge.Principal{ARN: c.arn(), ID: c.uniqueID(), Account: string(c.account.ID)}
}

// ownPolicies are the documents on the caller's side.
func (o *Organization) ownPolicies(c *caller) judge.Policies {
	var own judge.Policies
	for _, text := range c.policies() {
		own.Identity = append(own.Identity, o.parse(text, judge.IdentityPolicy))
	}
	if c.session != nil {
		own.Session = c.session.policy
	}
	return own
}

// policiesOf are the documents that say what a holder may do: their own, and those that
// are attached.
func (a *account) policiesOf(inline map[string]string, attached []string) []string {
	docs := identityPolicies(inline, attached)
	for _, arn := range attached {
		if accountOf(arn) == a.ID {
			if p := a.policy(arn); p != nil {
				docs = append(docs, p.document())
			}
		}
	}
	return docs
}

// refusalReason returns AWS's words for why the call is not permitted, "" if it is.
func (o *Organization) refusalReason(c *call) string {
	switch judge.DecideIdentity(c.policyRequest(c.action()), o.ownPolicies(c.caller)).Reason {
	case judge.DeniedByIdentity:
		return "with an explicit deny in an identity-based policy"
	case judge.DeniedBySession:
		return "with an explicit deny in a session policy"
	case judge.NotGrantedByIdentity:
		return "because no identity-based policy allows the " + c.action() + " action"
	case judge.NotGrantedBySession:
		return "because no session policy allows the " + c.action() + " action"
	default:
		return o.boundaryReason(c)
	}
}

// boundaryReason returns AWS's words for why the caller's permissions boundary does not permit a call, ""
// if it does. A role's trust policy is decided without the boundary, which allows sts:AssumeRole.
func (o *Organization) boundaryReason(c *call) string {
	if c.caller.user == nil {
		return ""
	}
	text, limited := c.caller.account.boundaryOf(c.caller.user)
	if !limited {
		return ""
	}
	limit := judge.Policies{}
	if text != "" {
		limit.Identity = append(limit.Identity, o.parse(text, judge.IdentityPolicy))
	}
	switch d := judge.DecideIdentity(c.policyRequest(c.action()), limit); {
	case d.Allowed:
		return ""
	case d.Reason == judge.DeniedByIdentity:
		return "with an explicit deny in a permissions boundary"
	default:
		return "because no permissions boundary allows the " + c.action() + " action"
	}
}

// trusts reports whether the caller may carry out an sts action on a role.
func (o *Organization) trusts(c *call, action string, target *account, r *role) bool {
	trust := o.parse(r.Trust, judge.TrustPolicy)
	return judge.DecideTrust(c.policyRequest(action), string(target.ID), trust, o.ownPolicies(c.caller)).Allowed
}

// parse returns a stored document in the form for evaluation, nil if it cannot be parsed.
// Many accounts share the same text, so documents are cached by their text.
func (o *Organization) parse(text string, kind judge.Kind) *judge.Document {
	if doc, ok := o.cache.get(text); ok {
		return doc
	}
	doc, err := judge.Parse(text, kind)
	if err != nil {
		return nil
	}
	o.cache.put(text, doc)
	return doc
}
