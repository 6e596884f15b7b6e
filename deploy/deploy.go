// Package deploy holds what the console needs in AWS: a CloudFormation template and a Terraform module for
// every member account, and the policy of the console's own principal. The sandbox uses these very documents.
//
// # Files
//
//	template.go   reads the template with its functions, such as !Sub and !If
//	deploy.go     the policies of the template and of the console's principal
package deploy

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed stackset.yaml
var stackSet []byte

//go:embed console-policy.json
var consolePolicy string

// exampleOrganization is the organization in console-policy.json.
const exampleOrganization = "o-example"

// Parameters are the values for which a stack of the template is made.
type Parameters struct {
	Partition        string // "aws"
	Account          string // the account of the stack
	ConsolePrincipal string // ARN
	OrganizationID   string
	ExternalID       string // "" leaves the condition out, which the template itself does not allow
	RoleName         string // "" for the default of the template
	ManagedRoles     string // "" for the default of the template
	WithoutBoundary  bool   // RequireBoundary is false
}

// Stack is what the template makes in an account.
type Stack struct {
	RoleName    string
	RolePolicy  string // the one inline policy of the deployment role
	TrustPolicy string // of the deployment role
	Boundary    string // the policy document of the permissions boundary
	BoundaryARN string
}

var parsed = sync.OnceValues(func() (*template, error) { return parseTemplate(stackSet) })

// NewStack returns what the template makes for parameters.
func NewStack(p Parameters) (Stack, error) {
	t, err := parsed()
	if err != nil {
		return Stack{}, err
	}
	r := t.resolver(p)
	var s Stack
	role, err := r.properties("DeployRole")
	if err != nil {
		return s, err
	}
	boundary, err := r.properties("UserBoundary")
	if err != nil {
		return s, err
	}
	s.RoleName, s.BoundaryARN = fmt.Sprint(role["RoleName"]), r.boundaryARN()
	policies, _ := role["Policies"].([]any)
	if len(policies) != 1 {
		return s, fmt.Errorf("stackset.yaml: the deployment role has %d inline policies, want one", len(policies))
	}
	inline, _ := policies[0].(map[string]any)
	for _, d := range []struct {
		from map[string]any
		key  string
		to   *string
	}{
		{inline, "PolicyDocument", &s.RolePolicy},
		{role, "AssumeRolePolicyDocument", &s.TrustPolicy},
		{boundary, "PolicyDocument", &s.Boundary},
	} {
		if *d.to, err = document(d.from, d.key); err != nil {
			return s, err
		}
	}
	return s, nil
}

func document(from map[string]any, key string) (string, error) {
	if from[key] == nil {
		return "", fmt.Errorf("stackset.yaml: %s is missing", key)
	}
	text, err := json.Marshal(from[key])
	if err != nil {
		return "", fmt.Errorf("stackset.yaml: %s: %w", key, err)
	}
	return string(text), nil
}

// ConsolePolicy is the policy of the console's own principal in an organization.
func ConsolePolicy(organization string) string {
	return strings.ReplaceAll(consolePolicy, exampleOrganization, organization)
}
