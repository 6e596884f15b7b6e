package sandbox

// asked is the call as policies see it.
func (c *call) asked(action string) request {
	return request{principal: c.caller.principal(), action: action, resource: c.resource, keys: c.keys}
}

func (c *caller) principal() principal {
	return principal{arn: c.arn(), id: c.uniqueID(), account: string(c.account.ID)}
}

// ownPolicies are the documents that limit a caller.
func (o *Organization) ownPolicies(c *caller) policies {
	var own policies
	for _, text := range c.policies() {
		own.identity = append(own.identity, o.parsed(text, identityPolicy))
	}
	if c.session != nil {
		own.session = c.session.policy
	}
	return own
}

// refusalReason says in AWS's words why an action is not permitted. It is "" when the
// action is permitted.
func (o *Organization) refusalReason(c *call) string {
	switch decideIdentity(c.asked(c.action()), o.ownPolicies(c.caller)).reason {
	case deniedByIdentity:
		return "with an explicit deny in an identity-based policy"
	case deniedBySession:
		return "with an explicit deny in a session policy"
	case notGrantedByIdentity:
		return "because no identity-based policy allows the " + c.action() + " action"
	case notGrantedBySession:
		return "because no session policy allows the " + c.action() + " action"
	default:
		return ""
	}
}

// trusts reports whether the caller may carry out an sts action on a role.
func (o *Organization) trusts(c *call, action string, target *account, r *role) bool {
	return decideTrust(c.asked(action), string(target.ID), o.parsed(r.Trust, trustPolicy), o.ownPolicies(c.caller)).allowed
}

// parsed returns a stored document in the form for evaluation, nil for one that cannot be
// parsed. Many accounts share the same text, so what was parsed is kept until there is too
// much of it.
func (o *Organization) parsed(text string, kind documentKind) *document {
	if doc, ok := o.cache.get(text); ok {
		return doc
	}
	doc, err := parse(text, kind)
	if err != nil {
		return nil
	}
	o.cache.put(text, doc)
	return doc
}
