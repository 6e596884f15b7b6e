package scenario

import (
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Terraform prints the documents as HCL for the AWS provider. A role is imported, and
// only its trust policy is managed there.
func (e Export) Terraform() ([]byte, error) {
	x, err := e.sortOperations()
	if err != nil {
		return nil, err
	}
	t := terraform{account: e}
	t.line("# %s.", e.title())
	t.line("# Only the trust policy of a role is managed here. What else the role has stays as it is.")
	for _, op := range x.roles {
		t.role(op)
	}
	for _, op := range x.users {
		t.userPolicy(op)
	}
	for _, op := range x.policies {
		t.managedPolicy(op, x.attached[op.Resource.ARN(e.partition(), e.Account.ID)])
	}
	return []byte(t.b.String()), nil
}

type terraform struct {
	b       strings.Builder
	account Export
}

func (t *terraform) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *terraform) role(op access.PlannedOperation) {
	label := resourceLabel(op.Resource)
	t.importBlock("aws_iam_role."+label, op.Resource.Name)
	t.line("\nresource \"aws_iam_role\" %q {", label)
	t.line("  name = %s", hclString(op.Resource.Name))
	t.line("  path = %s\n", hclString(op.Resource.Path))
	t.document("assume_role_policy", op.After)
	t.line("\n  lifecycle {")
	t.line("    prevent_destroy = true")
	t.line("    ignore_changes  = [description, force_detach_policies, max_session_duration, permissions_boundary, tags, tags_all]")
	t.line("  }\n}")
}

func (t *terraform) userPolicy(op access.PlannedOperation) {
	t.line("\nresource \"aws_iam_user_policy\" %q {", resourceLabel(op.Resource))
	t.line("  user = %s", hclString(op.Resource.Name))
	t.line("  name = %s\n", hclString(access.UserPolicyName))
	t.document("policy", op.After)
	t.line("}")
}

func (t *terraform) managedPolicy(op access.PlannedOperation, users []string) {
	label := resourceLabel(op.Resource)
	if op.Before != "" {
		t.importBlock("aws_iam_policy."+label, op.Resource.ARN(t.account.partition(), t.account.Account.ID))
	}
	t.line("\nresource \"aws_iam_policy\" %q {", label)
	t.line("  name = %s", hclString(op.Resource.Name))
	t.line("  path = %s\n", hclString(op.Resource.Path))
	t.document("policy", op.After)
	t.line("}")
	for _, user := range users {
		t.line("\nresource \"aws_iam_user_policy_attachment\" %q {", label+"_"+resourceLabel(access.Resource{Kind: access.ResourceUser, Path: "/", Name: user}))
		t.line("  user       = %s", hclString(user))
		t.line("  policy_arn = aws_iam_policy.%s.arn\n}", label)
	}
}

func (t *terraform) importBlock(to, id string) {
	t.line("\nimport {")
	t.line("  to = %s", to)
	t.line("  id = %s", hclString(id))
	t.line("}")
}

func (t *terraform) document(attribute, doc string) {
	t.line("  %s = <<-JSON", attribute)
	for line := range strings.SplitSeq(strings.TrimRight(iam.Pretty(doc), "\n"), "\n") {
		t.line("    %s", hclTemplate.Replace(line))
	}
	t.line("  JSON")
}

// resourceLabel names a resource in HCL.
func resourceLabel(r access.Resource) string { return uniqueName(r, label, "_", "r_") }

// hclTemplate keeps a policy's variables, such as ${aws:username}, from being taken for
// ones of Terraform.
var hclTemplate = strings.NewReplacer("${", "$${", "%{", "%%{")

func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\n", `\n`).Replace(s) + `"`
}
