package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// ouIssues reports the OUs of a mapping that are not in the organization, or have no account. An OU that was deleted
// must not go unnoticed: as an exception it leaves nothing out any more.
func (c *Compiler) ouIssues(p *resolvedMapping) (is []Issue) {
	if !c.ous.Known() {
		return nil
	}
	for _, id := range slices.Concat(p.Accounts.OUs, p.Accounts.Except) {
		if access.AccountID(id).Valid() {
			continue
		}
		ou, known := c.ous.Find(id)
		switch {
		case !known:
			is = append(is, c.mappingIssue(p, CodeOUUnknown, SeverityWarning,
				"correct the OU, or remove it from the mapping",
				"the mapping of %s names the OU %s, which is not in the organization", p.Role, id))
		case ou.Gone():
			is = append(is, c.mappingIssue(p, CodeOUUnknown, SeverityWarning, "remove the OU from the mapping",
				"the mapping of %s names the OU %s (%s), which is no longer in the organization", p.Role, ou.Path, id))
		case !c.inhabited(id):
			is = append(is, c.mappingIssue(p, CodeOUEmpty, SeverityInfo,
				"nothing needs to be done; the mapping reaches accounts that join the OU",
				"the OU %s, which the mapping of %s names, has no account that a rollout writes to",
				c.ous.LabelWithID(id), p.Role))
		}
	}
	return is
}

// inhabited reports whether any account is in or below an OU.
func (c *Compiler) inhabited(ou string) bool {
	c.inhabitedOnce.Do(func() {
		c.inhabitedOUs = map[string]bool{}
		for i := range c.accounts {
			for _, id := range c.accounts[i].OUIDs {
				c.inhabitedOUs[id] = true
			}
		}
	})
	return c.inhabitedOUs[ou]
}
