package sandbox

import (
	"maps"
	"slices"
)

func putUserPolicy(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	with, refusal := c.withPolicy(u.Inline, c.own().Quotas.OrDefault().UserPolicy, "user "+u.Name)
	if refusal != nil {
		return refusal
	}
	c.lagPolicy(u)
	u.Inline = with
	return nil
}

func (c *call) lagPolicy(u *user) {
	before, there := u.Inline[c.arg("PolicyName")]
	c.org.lag(c, "inline/"+u.ID+"/"+c.arg("PolicyName"), lagged{text: before, there: there})
}

func getUserPolicy(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	name := c.arg("PolicyName")
	now, there := u.Inline[name]
	doc, there := c.org.visible("inline", u.ID+"/"+name, now, there)
	if !there {
		return noSuchPolicy("user", name)
	}
	c.xml.el("UserName", u.Name)
	c.xml.el("PolicyName", name)
	c.xml.el("PolicyDocument", encode(doc))
	return nil
}

func deleteUserPolicy(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	name := c.arg("PolicyName")
	if _, ok := u.Inline[name]; !ok {
		return noSuchPolicy("user", name)
	}
	c.lagPolicy(u)
	without := maps.Clone(u.Inline)
	delete(without, name)
	u.Inline = without
	return nil
}

func listUserPolicies(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	names := slices.Sorted(maps.Keys(u.Inline))
	return c.iamPage(len(names), func(from, to int) { c.xml.names("PolicyNames", names[from:to]) })
}

func (c *call) writeAttached(name string, arns []string) {
	c.xml.in(name, func() {
		for _, arn := range arns {
			c.xml.in("member", func() {
				c.xml.el("PolicyName", lastPart(arn))
				c.xml.el("PolicyArn", arn)
			})
		}
	})
}
