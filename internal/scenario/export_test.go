package scenario

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func exportOfEverything() Export {
	trust := `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow1","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}}]}`
	user := `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/team-a/Bob"}]}`
	userSide := `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisGate","Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["103.15.250.0/24"]}}}]}`
	arn := "arn:aws:iam::111122223333:policy/portcullis/Portcullis-alice-1"
	role := func(path, name string) access.Resource {
		return access.Resource{Kind: access.ResourceRole, Path: path, Name: name}
	}
	return Export{
		Account:  access.Account{ID: "111122223333", Name: "payments\n}\" %{ if true }"},
		Revision: 7,
		Operations: []access.PlannedOperation{
			{Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/ops/", Name: "dave@example.com"}, After: user},
			{Kind: access.OpTrustPolicy, Resource: role("/team-a/", "Bob"), After: trust},
			{Kind: access.OpTrustPolicy, Resource: role("/", "team_a_Bob"), After: trust},
			{Kind: access.OpTrustPolicy, Resource: role("/", "1st+role"), After: trust},
			{Kind: access.OpUserSidePolicy, Resource: access.UserSidePolicy("alice", 1), Before: userSide, After: userSide},
			{Kind: access.OpAttachments, Resource: access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "alice"}, After: access.AttachmentsDocument([]string{arn, "arn:aws:iam::aws:policy/ReadOnlyAccess"})},
			{Kind: access.OpDeleteUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "gone"}},
		},
	}
}

func TestExportGolden(t *testing.T) {
	e := exportOfEverything()
	for name, print := range map[string]func() ([]byte, error){"export.tf": e.Terraform, "export.template.json": e.CloudFormation} {
		got, err := print()
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestExportOfNothing(t *testing.T) {
	e := Export{Account: access.Account{ID: "111122223333"}}
	if _, err := e.Terraform(); access.KindOf(err) != access.KindNotFound {
		t.Errorf("Terraform: %v", err)
	}
	if _, err := e.CloudFormation(); access.KindOf(err) != access.KindNotFound {
		t.Errorf("CloudFormation: %v", err)
	}
}

func TestTemplateHoldsTheDocuments(t *testing.T) {
	e := exportOfEverything()
	text, err := e.CloudFormation()
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				RoleName, Path           string
				AssumeRolePolicyDocument json.RawMessage
				Users                    []string
			}
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	roles, users := 0, []string(nil)
	for id, r := range template.Resources {
		if !alphanumeric.MatchString(id) {
			t.Errorf("%q is no logical id", id)
		}
		users = append(users, r.Properties.Users...)
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		roles++
		if !iam.Equal(string(r.Properties.AssumeRolePolicyDocument), e.Operations[1].After, nil) {
			t.Errorf("%s: not the document of the plan", id)
		}
	}
	if roles != 3 || len(template.Resources) != 5 {
		t.Errorf("%d roles among %d resources, want 3 among 5: no two may share an id", roles, len(template.Resources))
	}
	if diff := cmp.Diff([]string{"alice"}, users); diff != "" {
		t.Errorf("attached to (-want +got)\n%s", diff)
	}
}

// TestTerraformReadsIt asks Terraform itself, where it is installed, what the text says.
func TestTerraformReadsIt(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	e := exportOfEverything()
	text, err := e.Terraform()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), terraform, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("terraform %v: %v\n%s%s", args, err, out, said.String())
		}
		return string(out)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	run("", "fmt", "-check", "-diff", "main.tf")

	// Without the provider the documents alone can be evaluated.
	_, document, _ := strings.Cut(string(text), "assume_role_policy = ")
	document, _, _ = strings.Cut(document, "\n\n  lifecycle")
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte("output \"document\" {\n  value = "+document+"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("", "init", "-input=false")
	run("", "apply", "-auto-approve", "-input=false")
	got := run("", "output", "-raw", "document")
	if !iam.Equal(got, e.Operations[1].After, nil) {
		t.Errorf("Terraform reads %s, want the document of the plan", got)
	}
}
