package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// orgRequest has the parameters of all Organizations actions.
type orgRequest struct {
	ParentID   string `json:"ParentId"`
	ChildID    string `json:"ChildId"`
	AccountID  string `json:"AccountId"`
	ResourceID string `json:"ResourceId"`
	OUID       string `json:"OrganizationalUnitId"`
	Name       string

	SourceParentID      string `json:"SourceParentId"`
	DestinationParentID string `json:"DestinationParentId"`

	NextToken  string
	MaxResults int
}

func (c *call) orgRequest() (orgRequest, *apiError) {
	var in orgRequest
	refusal := c.in(&in)
	return in, refusal
}

// reply is a JSON object of an answer.
type reply map[string]any

func describeOrganization(c *call) *apiError {
	co := c.org.company
	c.out = reply{"Organization": reply{
		"Id":                 co.ID,
		"Arn":                co.arn("organization"),
		"FeatureSet":         "ALL",
		"MasterAccountId":    co.ManagementID,
		"MasterAccountArn":   co.arn("account", string(co.ManagementID)),
		"MasterAccountEmail": c.org.accounts[co.ManagementID].Email,
	}}
	return nil
}

func listRoots(c *call) *apiError {
	co := c.org.company
	c.out = reply{"Roots": []reply{{"Id": co.RootID, "Arn": co.arn("root", co.RootID), "Name": "Root", "PolicyTypes": []string{}}}}
	return nil
}

func listOUsForParent(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	if c.org.company.ouByID(in.ParentID) == nil {
		return noParent(in.ParentID)
	}
	var children []reply
	for _, ou := range c.org.company.OUs {
		if ou.ParentID == in.ParentID {
			children = append(children, c.org.company.ouReply(ou))
		}
	}
	return c.orgPage(in, "OrganizationalUnits", children)
}

func noParent(id string) *apiError {
	return refuse(http.StatusBadRequest, "ParentNotFoundException", "You specified a root or organizational unit that doesn't exist: %s", id)
}

func noAccount(id string) *apiError {
	return refuse(http.StatusBadRequest, "AccountNotFoundException", "You specified an account that doesn't exist: %s", id)
}

func listAccounts(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	return c.accountsPage(in, c.org.company.Accounts)
}

func listAccountsForParent(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	ou := c.org.company.ouByID(in.ParentID)
	if ou == nil {
		return noParent(in.ParentID)
	}
	var inside []*account
	for _, a := range c.org.company.Accounts {
		if a.OU == ou.ID {
			inside = append(inside, a)
		}
	}
	return c.accountsPage(in, inside)
}

// emptyMark at the head of a token asks for the page that has nothing on it but the
// token of the one after: AWS may send such a page at any time (docs/aws-facts.md, "Listing accounts").
const emptyMark = "e"

func (c *call) accountsPage(in orgRequest, all []*account) *apiError {
	if after, found := strings.CutPrefix(in.NextToken, emptyMark); found {
		c.out = reply{"Accounts": []reply{}, "NextToken": after}
		return nil
	}
	items := make([]reply, 0, 20)
	from, to, next, refusal := c.page(len(all), 20, 20, in.NextToken, in.limit())
	if refusal != nil {
		return refusal
	}
	for _, a := range all[from:to] {
		items = append(items, c.org.company.accountReply(a))
	}
	c.out = reply{"Accounts": items}
	switch {
	case next != "" && in.NextToken == "":
		c.out = reply{"Accounts": items, "NextToken": emptyMark + next}
	case next != "":
		c.out = reply{"Accounts": items, "NextToken": next}
	}
	return nil
}

func (in orgRequest) limit() string {
	if in.MaxResults == 0 {
		return ""
	}
	return strconv.Itoa(in.MaxResults)
}

// accountReply has State and not the retired Status (docs/aws-facts.md, "Account states").
func (co *Company) accountReply(a *account) reply {
	return reply{
		"Id":              a.ID,
		"Arn":             co.arn("account", string(a.ID)),
		"Email":           a.Email,
		"Name":            a.Name,
		"State":           a.State,
		"Paths":           []string{co.idPath(a)},
		"JoinedMethod":    "CREATED",
		"JoinedTimestamp": a.Joined.Unix(),
	}
}

func (c *call) orgPage(in orgRequest, name string, items []reply) *apiError {
	from, to, next, refusal := c.page(len(items), 20, 20, in.NextToken, in.limit())
	if refusal != nil {
		return refusal
	}
	out := reply{name: slices.Concat([]reply{}, items[from:to])}
	if next != "" {
		out["NextToken"] = next
	}
	c.out = out
	return nil
}

func listTagsForResource(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	tags := []reply{}
	if a := c.org.accounts[access.AccountID(in.ResourceID)]; a != nil {
		for _, k := range sortedKeys(a.Tags) {
			tags = append(tags, reply{"Key": k, "Value": a.Tags[k]})
		}
	} else if c.org.company.ouByID(in.ResourceID) == nil {
		return refuse(http.StatusBadRequest, "TargetNotFoundException", "You specified a target that doesn't exist: %s", in.ResourceID)
	}
	return c.orgPage(in, "Tags", tags)
}

func listParents(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	co := c.org.company
	parent := ""
	if a := c.org.accounts[access.AccountID(in.ChildID)]; a != nil {
		parent = a.OU
	} else if ou := co.ouByID(in.ChildID); ou != nil {
		parent = ou.ParentID
	}
	if parent == "" {
		return refuse(http.StatusBadRequest, "ChildNotFoundException", "You specified a child that doesn't exist: %s", in.ChildID)
	}
	kind := "ORGANIZATIONAL_UNIT"
	if parent == co.RootID {
		kind = "ROOT"
	}
	c.out = reply{"Parents": []reply{{"Id": parent, "Type": kind}}}
	return nil
}

func describeAccount(c *call) *apiError {
	in, refusal := c.orgRequest()
	if refusal != nil {
		return refusal
	}
	a := c.org.accounts[access.AccountID(in.AccountID)]
	if a == nil {
		return noAccount(in.AccountID)
	}
	c.out = reply{"Account": c.org.company.accountReply(a)}
	return nil
}
