package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxTags is how many tags a role can have.
const maxTags = 50

// tagArgs reads the tags of a call.
func (c *call) tagArgs() map[string]string {
	tags := map[string]string{}
	for i := 1; ; i++ {
		key := c.arg("Tags.member." + strconv.Itoa(i) + ".Key")
		if key == "" {
			return tags
		}
		tags[key] = c.arg("Tags.member." + strconv.Itoa(i) + ".Value")
	}
}

func (c *call) writeTags(tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	c.xml.in("Tags", func() {
		for _, key := range sortedKeys(tags) {
			c.xml.in("member", func() {
				c.xml.el("Key", key)
				c.xml.el("Value", tags[key])
			})
		}
	})
}

// addResourceTags adds the condition keys of a role's tags.
func (c *call) addResourceTags(r *role) {
	for key, value := range r.Tags {
		c.keys["aws:resourcetag/"+strings.ToLower(key)] = value
		c.keys["iam:resourcetag/"+strings.ToLower(key)] = value
	}
}

func tagRole(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	tags := map[string]string{}
	for _, more := range []map[string]string{r.Tags, c.tagArgs()} {
		for key, value := range more {
			tags[key] = value
		}
	}
	if len(tags) > maxTags {
		return overQuota("Cannot exceed quota for TagsPerRole: %d", maxTags)
	}
	r.Tags = tags
	return nil
}

func untagRole(c *call) *apiError {
	r, refusal := c.roleToEdit()
	if refusal != nil {
		return refusal
	}
	kept := map[string]string{}
	gone := c.list("TagKeys.member.")
	for key, value := range r.Tags {
		if !slices.Contains(gone, key) {
			kept[key] = value
		}
	}
	r.Tags = kept
	return nil
}

// list reads a list of texts of a call.
func (c *call) list(prefix string) []string {
	var all []string
	for i := 1; c.arg(prefix+strconv.Itoa(i)) != ""; i++ {
		all = append(all, c.arg(prefix+strconv.Itoa(i)))
	}
	return all
}

func listRoleTags(c *call) *apiError {
	r, refusal := c.findRole()
	if refusal != nil {
		return refusal
	}
	keys := sortedKeys(r.Tags)
	return c.iamPage(len(keys), func(from, to int) {
		c.xml.in("Tags", func() {
			for _, key := range keys[from:to] {
				c.xml.in("member", func() {
					c.xml.el("Key", key)
					c.xml.el("Value", r.Tags[key])
				})
			}
		})
	})
}

// acceptBoundary checks the permissions boundary of a call.
func (c *call) acceptBoundary() (string, *apiError) {
	arn := c.arg("PermissionsBoundary")
	if arn != "" && accountOf(arn) != "aws" && c.own().policy(arn) == nil {
		return "", refuse(http.StatusNotFound, "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.",
			arn)
	}
	return arn, nil
}

func putUserPermissionsBoundary(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	arn, refusal := c.acceptBoundary()
	if refusal == nil {
		u.Boundary = arn
	}
	return refusal
}

func deleteUserPermissionsBoundary(c *call) *apiError {
	u, refusal := c.findUser()
	if refusal != nil {
		return refusal
	}
	if u.Boundary == "" {
		return refuse(http.StatusNotFound, "NoSuchEntity", "The user with name %s has no permissions boundary.", u.Name)
	}
	u.Boundary = ""
	return nil
}
