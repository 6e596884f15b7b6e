package policy

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestBypassesSayTheirConditions: findings and lint say from where, and on which conditions, a statement of others lets
// its principals in. They are silent if it lets no call through.
func TestBypassesSayTheirConditions(t *testing.T) {
	vendor := func(condition string) string {
		return `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:AssumeRole"` + condition + `}`
	}
	for name, c := range map[string]struct{ statements, want string }{
		"no condition": {vendor(""), "from anywhere"},
		"an external id": {
			vendor(`,"Condition":{"StringEquals":{"sts:ExternalId":"acme"}}`),
			"only with the external id acme, from any network",
		},
		"a network": {
			vendor(`,"Condition":{"IpAddress":{"aws:SourceIp":"8.8.8.0/24"}}`),
			"from 8.8.8.0/24 (condition of the statement)",
		},
		"a tag": {
			vendor(`,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}`),
			"under a condition that the console does not evaluate: StringEquals aws:PrincipalTag/team x",
		},
		"a date that has passed": {
			vendor(`,"Condition":{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`),
			"",
		},
		"a Deny of the vendor": {
			vendor("") + `,{"Effect":"Deny","Principal":{"AWS":"999999999999"},"Action":"sts:*"}`,
			"",
		},
		"a Deny of all but a network": {
			vendor("") + `,{"Effect":"Deny","Principal":{"AWS":"999999999999"},"Action":"sts:*","Condition":{"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}}}`, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := asPushed(t, articleInput(t))
			inv, _ := in.Inventory.Of(home)
			inv.Roles[0].Document = strings.Replace(inv.Roles[0].Document, `"Statement":[`, `"Statement":[`+c.statements+`,`, 1)
			in.Inventory.Put(inv)
			said := map[string]string{"finding": "", "lint": ""}
			for _, f := range findings(t, in) {
				if f.Kind == access.FindingBypass {
					said["finding"] += f.Sentence
				}
			}
			for _, i := range Lint(in) {
				if i.Code == CodeBypass {
					said["lint"] += i.Message
				}
			}
			for by, got := range said {
				if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
					t.Errorf("%s: got %q, want %q in it", by, got, c.want)
				}
			}
		})
	}
}

// TestFederatedAccessSaysItsConditions: a condition that the console does not evaluate is named.
func TestFederatedAccessSaysItsConditions(t *testing.T) {
	const plain = `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::444455556666:saml-provider/corp"},"Action":"sts:AssumeRoleWithSAML"}`
	with := func(condition string) string {
		return strings.TrimSuffix(plain, "}") + `,"Condition":{` + condition + `}}`
	}
	for name, c := range map[string]struct{ statements, want string }{
		"no condition": {plain, "with SAML or OIDC, from anywhere;"},
		"an audience": {
			federatedSAML,
			"does not evaluate: StringEquals SAML:aud https://signin.aws.amazon.com/saml;",
		},
		"a network": {with(`"IpAddress":{"aws:SourceIp":"8.8.8.0/24"}`), ""},
		"all networks but one": {
			with(`"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}`),
			"from networks other than 8.8.8.0/24",
		},
		"a date that has passed": {with(`"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`), ""},
		"a Deny of everything":   {plain + `,{"Effect":"Deny","Principal":"*","Action":"*"}`, ""},
		"a Deny of all AWS": {
			plain + `,{"Sid":"No","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:*"}`,
			"does not evaluate: statement No, which may deny it;",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := articleInput(t)
			in.Accounts[0].ID = "444455556666"
			in.State.Mappings[0].Accounts = access.Selector{All: true}
			in.Inventory = trusting(c.statements)
			got := ""
			for _, i := range Lint(in) {
				if i.Code == CodeFederatedAccess {
					got += i.Message
				}
			}
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}
