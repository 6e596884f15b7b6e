package sandbox

import (
	"net/http"
	"slices"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/access"
)

// The limits of Organizations on OUs (docs/aws-facts.md, "Organization quotas").
const (
	maxOUName  = 128
	maxOUDepth = 5 // levels below the root
)

func createOU(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	ou, refusal := c.org.company.createOU(in.ParentID, in.Name)
	if refusal == nil {
		c.out = reply{"OrganizationalUnit": c.org.company.ouReply(ou)}
	}
	return refusal
}

func (co *Company) createOU(parent, name string) (orgUnit, *apiError) {
	if co.ouByID(parent) == nil {
		return orgUnit{}, noParent(parent)
	}
	if refusal := co.checkOUName(parent, name, ""); refusal != nil {
		return orgUnit{}, refusal
	}
	if len(co.chain(parent)) > maxOUDepth {
		return orgUnit{}, refuse(http.StatusBadRequest, "ConstraintViolationException",
			"You have exceeded the allowed OU depth: OU_DEPTH_LIMIT_EXCEEDED")
	}
	ou := orgUnit{ID: co.newOUID(parent, name, co.nextSerial()), ParentID: parent, Name: name}
	co.OUs = append(co.OUs, ou)
	return ou, nil
}

func updateOU(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	ou, refusal := c.org.company.renameOU(in.OUID, in.Name)
	if refusal == nil {
		c.out = reply{"OrganizationalUnit": c.org.company.ouReply(ou)}
	}
	return refusal
}

// renameOU renames an OU. Its id, its accounts and the OUs below stay.
func (co *Company) renameOU(id, name string) (orgUnit, *apiError) {
	ou := co.ouByID(id)
	if ou == nil || ou.ID == co.RootID {
		return orgUnit{}, noOU(id)
	}
	if refusal := co.checkOUName(ou.ParentID, name, ou.ID); refusal != nil {
		return orgUnit{}, refusal
	}
	ou.Name = name
	return *ou, nil
}

func deleteOU(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	c.out = reply{}
	return c.org.company.deleteOU(in.OUID)
}

func (co *Company) deleteOU(id string) *apiError {
	if co.ouByID(id) == nil || id == co.RootID {
		return noOU(id)
	}
	if slices.ContainsFunc(co.OUs, func(o orgUnit) bool { return o.ParentID == id }) ||
		slices.ContainsFunc(co.Accounts, func(a *account) bool { return a.OU == id }) {
		return refuse(http.StatusBadRequest, "OrganizationalUnitNotEmptyException",
			"The specified OU is not empty: %s", id)
	}
	co.OUs = slices.DeleteFunc(co.OUs, func(o orgUnit) bool { return o.ID == id })
	return nil
}

func moveAccount(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	a := c.org.accounts[access.AccountID(in.AccountID)]
	switch {
	case a == nil:
		return noAccount(in.AccountID)
	case a.OU != in.SourceParentID:
		return refuse(http.StatusBadRequest, "SourceParentNotFoundException",
			"You specified a source parent that the account is not in: %s", in.SourceParentID)
	case c.org.company.ouByID(in.DestinationParentID) == nil:
		return refuse(http.StatusBadRequest, "DestinationParentNotFoundException",
			"You specified a destination that doesn't exist: %s", in.DestinationParentID)
	}
	a.OU = in.DestinationParentID
	c.out = reply{}
	return nil
}

// CreateOU adds an OU below another one or the root, as CreateOrganizationalUnit does, and returns its id.
func (o *Organization) CreateOU(parent, name string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ou, refusal := o.company.createOU(parent, name)
	return ou.ID, refusal.asError()
}

// RenameOU gives an OU another name, as UpdateOrganizationalUnit does.
func (o *Organization) RenameOU(id, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, refusal := o.company.renameOU(id, name)
	return refusal.asError()
}

// DeleteOU removes an empty OU, as DeleteOrganizationalUnit does.
func (o *Organization) DeleteOU(id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.company.deleteOU(id).asError()
}

// MoveAccount puts an account into an OU, wherever it is. It returns false when there is no such account or OU.
func (o *Organization) MoveAccount(id access.AccountID, ou string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.accounts[id]
	if a == nil || o.company.ouByID(ou) == nil {
		return false
	}
	a.OU = ou
	return true
}

// RootID is the id of the organization's root.
func (o *Organization) RootID() string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.company.RootID
}

// checkOUName refuses a name that AWS refuses. Only the length and the siblings matter: a slash is allowed
// (docs/aws-facts.md, "OUs").
func (co *Company) checkOUName(parent, name, own string) *apiError {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxOUName {
		return refuse(http.StatusBadRequest, "InvalidInputException",
			"The name of an OU has 1 to %d characters, not %d.", maxOUName, n)
	}
	taken := func(o orgUnit) bool { return o.ParentID == parent && o.Name == name && o.ID != own }
	if slices.ContainsFunc(co.OUs, taken) {
		return refuse(http.StatusBadRequest, "DuplicateOrganizationalUnitException",
			"An OU with the name %s already exists in the parent.", name)
	}
	return nil
}

func (co *Company) newOUID(parts ...string) string {
	return "ou-" + co.RootID[2:] + "-" + lowerID(8, parts...)
}

func (co *Company) ouReply(ou orgUnit) reply {
	return reply{"Id": ou.ID, "Arn": co.arn("ou", ou.ID), "Name": ou.Name}
}

func noOU(id string) *apiError {
	return refuse(http.StatusBadRequest, "OrganizationalUnitNotFoundException",
		"You specified an organizational unit that doesn't exist: %s", id)
}

// chain is the ids from the root down to an OU.
func (co *Company) chain(id string) []string {
	var up []string
	for ou := co.ouByID(id); ou != nil; ou = co.ouByID(ou.ParentID) {
		up = append(up, ou.ID)
	}
	slices.Reverse(up)
	return up
}

// pathOf is the names from the root down to an OU, as the console writes a path.
func (co *Company) pathOf(id string) string {
	var names []string
	for _, id := range co.chain(id) {
		names = append(names, co.ouByID(id).Name)
	}
	return access.JoinOUPath(names...)
}
