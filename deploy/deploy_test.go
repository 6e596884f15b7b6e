package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/deploy"
	"portcullis.internal/portcullis/internal/judge"
)

const (
	account      = "111122223333"
	console      = "444455556666"
	principal    = "arn:aws:iam::444455556666:role/portcullis-console"
	organization = "o-abcdefghij"
	externalID   = "an external id"
)

func stack(t *testing.T, boundary bool) deploy.Stack {
	t.Helper()
	s, err := deploy.NewStack(deploy.Parameters{
		Partition: "aws", Account: account, ConsolePrincipal: principal, OrganizationID: organization,
		ExternalID:      externalID,
		WithoutBoundary: !boundary,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// statements reads a document in the form that comparisons need: each text that may be a list is a
// sorted list.
func statements(t *testing.T, document string) []any {
	t.Helper()
	var d struct{ Statement []any }
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	return d.Statement
}

func normal(value any) any {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var texts []string
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return normalAll(v)
			}
			texts = append(texts, text)
		}
		slices.Sort(texts)
		return texts
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[key] = normal(inner)
		}
		return out
	default:
		return value
	}
}

func normalAll(list []any) []any {
	out := make([]any, len(list))
	for i, item := range list {
		out[i] = normal(item)
	}
	return out
}

// The Terraform module makes the same documents as the template, with the boundary and without.
func TestTerraformEqualsTheTemplate(t *testing.T) {
	for _, boundary := range []bool{true, false} {
		s, module := stack(t, boundary), readModule(t, terraformVariables(boundary))
		for name, document := range map[string]string{
			"deploy": s.RolePolicy, "trust": s.TrustPolicy,
			"boundary": s.Boundary,
		} {
			if len(module[name]) == 0 {
				t.Errorf("main.tf has no policy document %s", name)
			}
			if d := cmp.Diff(normal(statements(t, document)), normal(module[name])); d != "" {
				t.Errorf("%s, boundary %t: stackset.yaml (-) and main.tf (+) differ:\n%s", name, boundary, d)
			}
		}
	}
}

// Every condition of the template is one that AWS evaluates, and the boundary can be turned off.
func TestConditionsOfTheTemplate(t *testing.T) {
	with, without := stack(t, true), stack(t, false)
	for _, want := range []string{
		`"aws:ResourceTag/portcullis-managed":"true"`,
		`"iam:PermissionsBoundary":"` + with.BoundaryARN + `"`,
		`"ArnLike":{"iam:PolicyARN":"arn:aws:iam::` + account + `:policy/portcullis/*"}`,
	} {
		if !strings.Contains(with.RolePolicy, want) {
			t.Errorf("the role's policy has no %s:\n%s", want, with.RolePolicy)
		}
	}
	if strings.Contains(without.RolePolicy, "PermissionsBoundary") {
		t.Errorf("the boundary is required though it is turned off:\n%s", without.RolePolicy)
	}
	if !strings.Contains(with.Boundary, "user/*${aws:username}") {
		t.Errorf("the boundary does not name the user:\n%s", with.Boundary)
	}
	for kind, documents := range map[judge.Kind][]string{
		judge.TrustPolicy: {with.TrustPolicy},
		judge.IdentityPolicy: {
			with.RolePolicy, without.RolePolicy, with.Boundary,
			deploy.ConsolePolicy(organization),
		},
	} {
		for _, d := range documents {
			if _, err := judge.Parse(d, kind); err != nil {
				t.Errorf("%v in\n%s", err, d)
			}
		}
	}
}

// The console's principal may assume the role that the template makes, in its own organization.
func TestConsolePolicyFitsTheTemplate(t *testing.T) {
	s, p := stack(t, true), deploy.ConsolePolicy(organization)
	for _, want := range []string{
		`"arn:aws:iam::*:role/` + s.RoleName + `"`,
		`{"aws:ResourceOrgID": "` + organization + `"}`,
	} {
		if !strings.Contains(p, want) {
			t.Errorf("the console's policy has no %s:\n%s", want, p)
		}
	}
}

// The template and the console's policy allow the actions that internal/aws calls, and no other.
func TestActionsAreThoseThatTheConsoleCalls(t *testing.T) {
	called := calledActions(t)
	allowed := slices.Concat(allowedActions(t, stack(t, true).RolePolicy),
		allowedActions(t, deploy.ConsolePolicy(organization)))
	slices.Sort(allowed)
	if d := cmp.Diff(called, slices.Compact(allowed)); d != "" {
		t.Errorf("internal/aws calls (-) and the documents allow (+):\n%s", d)
	}
}

func allowedActions(t *testing.T, document string) []string {
	t.Helper()
	parsed, err := judge.Parse(document, judge.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, s := range parsed.Statements {
		if !s.Deny {
			actions = append(actions, s.Actions...)
		}
	}
	return actions
}

// withoutPermission are actions that everybody may call.
var withoutPermission = []string{"sts:GetCallerIdentity"}

// calledActions lists the actions whose inputs the code of internal/aws makes, such as &iam.GetRoleInput{}.
func calledActions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../internal/aws/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				service, _ := s.X.(*ast.Ident)
				name, input := strings.CutSuffix(s.Sel.Name, "Input")
				if input && service != nil && slices.Contains([]string{"iam", "sts", "organizations"}, service.Name) {
					actions = append(actions, service.Name+":"+name)
				}
			}
			return true
		})
	}
	if len(actions) == 0 {
		t.Fatal("internal/aws calls nothing")
	}
	slices.Sort(actions)
	return slices.DeleteFunc(slices.Compact(actions),
		func(a string) bool { return slices.Contains(withoutPermission, a) })
}
