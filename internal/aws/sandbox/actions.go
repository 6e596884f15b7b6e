package sandbox

import "strconv"

// actions is all that the sandbox can do. It is filled at start, because the functions
// in it reach back to it through the handler.
var actions map[string]action

func init() {
	actions = map[string]action{
		"sts:GetCallerIdentity": {free: true, run: getCallerIdentity},
		"sts:AssumeRole":        {free: true, resource: roleArgARN, run: assumeRole},
		"sts:GetSessionToken":   {free: true, run: getSessionToken},

		"iam:GetRole":                  {resource: roleResource, run: getRole},
		"iam:ListRoles":                {run: listRoles},
		"iam:CreateRole":               {write: true, resource: newRoleResource, run: createRole},
		"iam:DeleteRole":               {write: true, resource: roleResource, run: deleteRole},
		"iam:UpdateAssumeRolePolicy":   {write: true, resource: roleResource, run: updateAssumeRolePolicy},
		"iam:PutRolePolicy":            {write: true, resource: roleResource, run: putRolePolicy},
		"iam:GetRolePolicy":            {resource: roleResource, run: getRolePolicy},
		"iam:ListRolePolicies":         {resource: roleResource, run: listRolePolicies},
		"iam:DeleteRolePolicy":         {write: true, resource: roleResource, run: deleteRolePolicy},
		"iam:AttachRolePolicy":         {write: true, resource: attachedRoleResource, run: attachRolePolicy},
		"iam:DetachRolePolicy":         {write: true, resource: attachedRoleResource, run: detachRolePolicy},
		"iam:ListAttachedRolePolicies": {resource: roleResource, run: listAttachedRolePolicies},

		"iam:TagRole":      {write: true, resource: roleResource, run: tagRole},
		"iam:UntagRole":    {write: true, resource: roleResource, run: untagRole},
		"iam:ListRoleTags": {resource: roleResource, run: listRoleTags},

		"iam:PutUserPermissionsBoundary":    {write: true, resource: userResource, run: putUserPermissionsBoundary},
		"iam:DeleteUserPermissionsBoundary": {write: true, resource: userResource, run: deleteUserPermissionsBoundary},

		"iam:GetUser":                  {resource: userResource, run: getUser},
		"iam:ListUsers":                {run: listUsers},
		"iam:CreateUser":               {write: true, resource: newUserResource, run: createUser},
		"iam:DeleteUser":               {write: true, resource: userResource, run: deleteUser},
		"iam:CreateAccessKey":          {write: true, resource: userResource, run: createAccessKey},
		"iam:PutUserPolicy":            {write: true, resource: userResource, run: putUserPolicy},
		"iam:GetUserPolicy":            {resource: userResource, run: getUserPolicy},
		"iam:DeleteUserPolicy":         {write: true, resource: userResource, run: deleteUserPolicy},
		"iam:ListUserPolicies":         {resource: userResource, run: listUserPolicies},
		"iam:AttachUserPolicy":         {write: true, resource: attachedUserResource, run: attachUserPolicy},
		"iam:DetachUserPolicy":         {write: true, resource: attachedUserResource, run: detachUserPolicy},
		"iam:ListAttachedUserPolicies": {resource: userResource, run: listAttachedUserPolicies},
		"iam:ListGroupsForUser":        {resource: userResource, run: listGroupsForUser},

		"iam:CreatePolicy":            {write: true, resource: newPolicyResource, run: createPolicy},
		"iam:DeletePolicy":            {write: true, resource: policyArgARN, run: deletePolicy},
		"iam:GetPolicy":               {resource: policyArgARN, run: getPolicy},
		"iam:ListPolicies":            {run: listPolicies},
		"iam:CreatePolicyVersion":     {write: true, resource: policyArgARN, run: createPolicyVersion},
		"iam:DeletePolicyVersion":     {write: true, resource: policyArgARN, run: deletePolicyVersion},
		"iam:GetPolicyVersion":        {resource: policyArgARN, run: getPolicyVersion},
		"iam:ListPolicyVersions":      {resource: policyArgARN, run: listPolicyVersions},
		"iam:SetDefaultPolicyVersion": {write: true, resource: policyArgARN, run: setDefaultPolicyVersion},

		"iam:GetAccountAuthorizationDetails": {run: getAccountAuthorizationDetails},
		"iam:GetAccountSummary":              {run: getAccountSummary},

		"organizations:DescribeOrganization":             {run: describeOrganization},
		"organizations:ListRoots":                        {management: true, run: listRoots},
		"organizations:ListOrganizationalUnitsForParent": {management: true, run: listOUsForParent},
		"organizations:ListAccountsForParent":            {management: true, run: listAccountsForParent},
		"organizations:ListAccounts":                     {management: true, run: listAccounts},
		"organizations:ListTagsForResource":              {management: true, run: listTagsForResource},
		"organizations:ListParents":                      {management: true, run: listParents},
		"organizations:DescribeAccount":                  {management: true, run: describeAccount},

		"organizations:CreateOrganizationalUnit": {management: true, write: true, run: createOU},
		"organizations:UpdateOrganizationalUnit": {management: true, write: true, run: updateOU},
		"organizations:DeleteOrganizationalUnit": {management: true, write: true, run: deleteOU},
		"organizations:MoveAccount":              {management: true, write: true, run: moveAccount},
	}
}

// own is the account that an IAM action works in: always the caller's own.
func (c *call) own() *account { return c.caller.account }

// A role that does not exist is known to policies by its name without a path.

func roleResource(c *call) string {
	if r := c.own().role(c.arg("RoleName")); r != nil {
		c.addResourceTags(r)
		return c.own().roleARN(r)
	}
	return c.own().roleARN(&role{Path: "/", Name: c.arg("RoleName")})
}

func newRoleResource(c *call) string {
	return c.own().roleARN(&role{Path: c.path(), Name: c.arg("RoleName")})
}

func userResource(c *call) string {
	if u := c.own().user(c.userName()); u != nil {
		if u.Boundary != "" {
			c.keys["iam:permissionsboundary"] = u.Boundary
		}
		return c.own().userARN(u)
	}
	return c.own().userARN(&user{Path: "/", Name: c.userName()})
}

func newUserResource(c *call) string {
	return c.own().userARN(&user{Path: c.path(), Name: c.arg("UserName")})
}

func roleArgARN(c *call) string { return c.arg("RoleArn") }

func (c *call) path() string {
	if p := c.arg("Path"); p != "" {
		return p
	}
	return "/"
}

// userName is the user that a call is about: the caller when none is named.
func (c *call) userName() string {
	if name := c.arg("UserName"); name != "" || c.caller.user == nil {
		return name
	}
	return c.caller.user.Name
}

// page cuts a list of n items into a page: which items, and the marker of the next.
func (c *call) page(n, usual, most int, marker, limit string) (from, to int, next string, refusal *apiError) {
	size := usual
	if limit != "" {
		asked, err := strconv.Atoi(limit)
		if err != nil || asked < 1 || asked > most {
			return 0, 0, "", invalidInput("The number of items for a page is from 1 to %d, not %q.", most, limit)
		}
		size = asked
	}
	if cap := c.org.cfg.PageSize; cap > 0 {
		size = min(size, cap)
	}
	if marker != "" {
		at, err := strconv.Atoi(marker)
		if err != nil || at < 0 || at > n {
			return 0, 0, "", badMarker()
		}
		from = at
	}
	to = min(n, from+size)
	if to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next, nil
}

// iamPage is page with IAM's parameters, and writes IAM's end of a page.
func (c *call) iamPage(n int, write func(from, to int)) *apiError {
	from, to, next, refusal := c.page(n, 100, 1000, c.arg("Marker"), c.arg("MaxItems"))
	if refusal != nil {
		return refusal
	}
	write(from, to)
	c.xml.el("IsTruncated", strconv.FormatBool(next != ""))
	if next != "" {
		c.xml.el("Marker", next)
	}
	return nil
}
