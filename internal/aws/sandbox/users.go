package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

func (c *call) findUser() (*user, *apiError) {
	if c.userName() == "" {
		return nil, invalidInput("Must specify userName when calling with non-User credentials")
	}
	u := c.own().user(c.userName())
	if u == nil {
		return nil, noSuchUser(c.userName())
	}
	return u, nil
}

func (c *call) writeUser(u *user) {
	x := &c.xml
	x.el("Path", u.Path)
	x.el("UserName", u.Name)
	x.el("UserId", u.ID)
	x.el("Arn", c.own().userARN(u))
	x.time("CreateDate", u.Created)
	if u.Boundary != "" && c.name != "ListUsers" {
		x.in("PermissionsBoundary", func() {
			x.el("PermissionsBoundaryType", "PermissionsBoundaryPolicy")
			x.el("PermissionsBoundaryArn", u.Boundary)
		})
	}
}

func getUser(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	c.xml.in("User", func() { c.writeUser(u) })
	return nil
}

func listUsers(c *call) *apiError {
	all := slices.DeleteFunc(c.own().sortedUsers(), func(u *user) bool { return !strings.HasPrefix(u.Path, c.arg("PathPrefix")) })
	return c.iamPage(len(all), func(from, to int) {
		c.xml.in("Users", func() {
			for _, u := range all[from:to] {
				c.xml.in("member", func() { c.writeUser(u) })
			}
		})
	})
}

func createUser(c *call) *apiError {
	name := c.arg("UserName")
	if !nameChars.MatchString(name) || !pathChars.MatchString(c.path()) {
		return invalidInput("The specified value for userName or path is invalid.")
	}
	if c.own().user(name) != nil {
		return exists("User with name %s already exists.", name)
	}
	limit, refusal := c.acceptBoundary()
	if refusal != nil {
		return refusal
	}
	id := userID(c.own().ID, name, c.org.company.nextSerial())
	u := &user{Name: name, Path: c.path(), ID: id, Created: c.org.now(), Boundary: limit}
	c.own().addUser(u)
	c.org.enlist(c.own(), u)
	c.xml.in("User", func() { c.writeUser(u) })
	return nil
}

// deleteUser also deletes the access keys, which AWS requires to be deleted before.
func deleteUser(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	if len(u.Inline)+len(u.Attached) > 0 {
		return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	delete(c.own().Users, strings.ToLower(u.Name))
	delete(c.org.entities, u.ID)
	for _, k := range u.Keys {
		delete(c.org.keys, k.ID)
	}
	return nil
}

const keysPerUser = 2

func createAccessKey(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	if len(u.Keys) >= keysPerUser {
		return overQuota("Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
	}
	k := keyFor(c.own().ID, u.Name, c.org.company.nextSerial())
	k.Created = c.org.now()
	u.Keys = append(u.Keys, k)
	c.org.enlist(c.own(), u)
	c.xml.in("AccessKey", func() {
		c.xml.el("UserName", u.Name)
		c.xml.el("AccessKeyId", k.ID)
		c.xml.el("Status", "Active")
		c.xml.el("SecretAccessKey", k.Secret)
		c.xml.time("CreateDate", k.Created)
	})
	return nil
}

func listGroupsForUser(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	return c.iamPage(len(u.Groups), func(from, to int) {
		c.xml.in("Groups", func() {
			for _, g := range u.Groups[from:to] {
				c.xml.in("member", func() { c.writeGroup(g) })
			}
		})
	})
}

func (c *call) writeGroup(name string) {
	c.xml.el("Path", "/")
	c.xml.el("GroupName", name)
	c.xml.el("GroupId", uniqueID("AGPA", 21, string(c.own().ID), name))
	c.xml.el("Arn", "arn:aws:iam::"+string(c.own().ID)+":group/"+name)
	c.xml.time("CreateDate", c.org.company.Founded)
}
