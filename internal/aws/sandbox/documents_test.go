package sandbox_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// trust wraps statements in a trust policy.
func trust(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const ec2 = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`

func TestTrustPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	principal := func(p string) string {
		return trust(`{"Effect":"Allow","Principal":` + p + `,"Action":"sts:AssumeRole"}`)
	}
	condition := func(cond string) string {
		return trust(`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":` + cond + `}`)
	}
	arn := `"arn:aws:iam::` + string(id) + `:`
	for _, tt := range []struct{ name, doc, want, says string }{
		{"as it should be", trust(ec2), "", ""},
		{"one statement without a list", `{"Version":"2012-10-17","Statement":` + ec2 + `}`, "", ""},
		{"not JSON", `{"Version"`, "MalformedPolicyDocument", "invalid Json"},
		{"a list", `[]`, "MalformedPolicyDocument", "invalid Json"},
		{"something after it", trust(ec2) + "x", "MalformedPolicyDocument", "invalid Json"},
		{"a key twice", strings.Replace(trust(ec2), `"Effect":"Allow"`, `"Effect":"Allow","Effect":"Deny"`, 1), "MalformedPolicyDocument", "invalid Json"},
		{"unknown field", strings.Replace(trust(ec2), `"Statement"`, `"Comment":"x","Statement"`, 1), "MalformedPolicyDocument", "Unknown field"},
		{"unknown version", strings.Replace(trust(ec2), "2012-10-17", "2024-01-01", 1), "MalformedPolicyDocument", "Syntax"},
		{"no statements", trust(), "MalformedPolicyDocument", "Syntax"},
		{"no principal", trust(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "MalformedPolicyDocument", "Missing required field Principal"},
		{"no effect", strings.Replace(trust(ec2), `"Effect":"Allow",`, "", 1), "MalformedPolicyDocument", "Missing required field Effect"},
		{"an effect in lower case", strings.Replace(trust(ec2), "Allow", "allow", 1), "MalformedPolicyDocument", "Syntax"},
		{"a resource", strings.Replace(trust(ec2), `"Action"`, `"Resource":"*","Action"`, 1), "MalformedPolicyDocument", "prohibited field Resource"},
		{"NotPrincipal", strings.Replace(trust(ec2), `"Principal"`, `"NotPrincipal"`, 1), "MalformedPolicyDocument", "NotPrincipal"},
		{"an action of another service", strings.Replace(trust(ec2), "sts:AssumeRole", "s3:GetObject", 1), "MalformedPolicyDocument", "STS AssumeRole"},
		{"an action without a service", strings.Replace(trust(ec2), "sts:AssumeRole", "AssumeRole", 1), "MalformedPolicyDocument", "vendor"},
		{"the same Sid twice", trust(strings.Replace(ec2, "{", `{"Sid":"A",`, 1), strings.Replace(ec2, "{", `{"Sid":"A",`, 1)), "MalformedPolicyDocument", "unique"},
		{"a Sid with a dash", trust(strings.Replace(ec2, "{", `{"Sid":"A-B",`, 1)), "MalformedPolicyDocument", "alpha-numeric"},
		{"an operator that AWS has not", condition(`{"IpAddressIsIn":{"aws:SourceIp":"1.2.3.0/24"}}`), "MalformedPolicyDocument", "operator"},
		{"an address that is none", condition(`{"NotIpAddress":{"aws:SourceIp":"300.1.1.1/24"}}`), "MalformedPolicyDocument", "300.1.1.1"},
		{"a letter outside of Latin 1", strings.Replace(trust(ec2), `"Action"`, `"Sid":"Ω","Action"`, 1), "ValidationError", ""},
		{"a user who is not there", principal(`{"AWS":` + arn + `user/mallory"}`), "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:iam::` + string(id) + `:user/mallory"`},
		{"a user without the path", principal(`{"AWS":"arn:aws:iam::` + string(c.account(t, "identity")) + `:user/frank"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"a user with the path", principal(`{"AWS":"arn:aws:iam::` + string(c.account(t, "identity")) + `:user/ops/frank"}`), "", ""},
		{"a user in other letters", principal(`{"AWS":` + arn + `user/Carol"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"part of a name", principal(`{"AWS":` + arn + `user/*"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"an account that is not there", principal(`{"AWS":"999999999999"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"an account outside that is there", principal(`{"AWS":"` + string(sandbox.VendorAccount) + `"}`), "", ""},
		{"another partition", principal(`{"AWS":"arn:aws-cn:iam::` + string(id) + `:root"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"an id of nobody", principal(`{"AWS":"AIDAAAAAAAAAAAAAAAAAA"}`), "MalformedPolicyDocument", "Invalid principal"},
		{"a service that is none", principal(`{"Service":"ec2.example.com"}`), "MalformedPolicyDocument", "Invalid principal"},
		{
			"a service with a typing error", principal(`{"Service":"lamdba.amazonaws.com"}`), "MalformedPolicyDocument",
			`Invalid principal in policy: "SERVICE":"lamdba.amazonaws.com"`,
		},
		{
			"a service without the suffix", principal(`{"Service":"ec2"}`), "MalformedPolicyDocument",
			"Invalid principal",
		},
		{"a service of a region", principal(`{"Service":"states.eu-west-1.amazonaws.com"}`), "", ""},
		{
			"a service with two names",
			principal(`{"Service":["ecs-tasks.amazonaws.com","delivery.logs.amazonaws.com"]}`), "", "",
		},
		{
			"an operator in another case", condition(`{"stringEquals":{"aws:username":"alice"}}`),
			"MalformedPolicyDocument", "Syntax",
		},
		{
			"a suffix in another case", condition(`{"StringEqualsifexists":{"aws:username":"alice"}}`),
			"MalformedPolicyDocument", "Syntax",
		},
		{
			"a prefix in another case", condition(`{"forAnyValue:StringEquals":{"aws:TagKeys":"a"}}`),
			"MalformedPolicyDocument", "Syntax",
		},
		{
			"an operator with prefix and suffix", condition(`{"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":"a"}}`),
			"", "",
		},
		{
			"a date that is none", condition(`{"DateGreaterThan":{"aws:CurrentTime":"tomorrow"}}`),
			"MalformedPolicyDocument", "legacy parsing",
		},
		{
			"a thirteenth month",
			condition(`{"DateLessThanIfExists":{"aws:CurrentTime":["2026-01-01T00:00:00Z","2026-13-01T00:00:00Z"]}}`),
			"MalformedPolicyDocument", "legacy parsing",
		},
		{
			"a date before the epoch", condition(`{"DateEquals":{"aws:CurrentTime":"-1"}}`), "MalformedPolicyDocument",
			"legacy parsing",
		},
		{
			"dates", condition(`{"DateNotEquals":{"aws:CurrentTime":` +
				`["2026-01-01","2026-01-01T10:00Z","2026-01-01T00:00:00+02:00","1767225600"]}}`), "", "",
		},
		{"a family that AWS has not", principal(`{"Person":"alice"}`), "MalformedPolicyDocument", "Invalid principal"},
	} {
		err := setTrust(admin, "Bob", tt.doc)
		if got := code(err); got != tt.want || !strings.Contains(message(err), tt.says) {
			t.Errorf("%s: got %q (%v), want %q saying %q", tt.name, got, err, tt.want, tt.says)
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	fill := func(n int) string {
		return strings.Replace(trust(ec2), `"Effect"`, `"Sid":"`+strings.Repeat("a", n)+`","Effect"`, 1)
	}
	room := 2048 - len(fill(0))
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	if err := setTrust(admin, "Bob", strings.ReplaceAll(fill(room), `,"`, ",\n\t \"")); err != nil {
		t.Errorf("exactly at the quota, white space aside: %v", err)
	}
	err := setTrust(admin, "Bob", fill(room+1))
	if got, want := message(err), "Cannot exceed quota for ACLSizePerRole: 2048"; code(err) != "LimitExceeded" || got != want {
		t.Errorf("one more: got %v, want %q", err, want)
	}
	if err := setTrust(c.asAdmin(t, c.account(t, "shared-services")), "Bob", fill(8192-len(fill(0)))); err != nil {
		t.Errorf("a raised quota: %v", err)
	}

	client := iam.NewFromConfig(admin)
	put := func(name string, size int) error {
		doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:` + strings.Repeat("x", size-93) + `"}]}`
		_, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("bob"), PolicyName: &name, PolicyDocument: &doc})
		return err
	}
	if err := put("one", 1024); err != nil {
		t.Fatal(err)
	}
	if err := put("two", 1025); code(err) != "LimitExceeded" || message(err) != "Maximum policy size of 2048 bytes exceeded for user bob" {
		t.Errorf("all policies of a user together: got %v", err)
	}
	if err := put("one", 2000); err != nil {
		t.Errorf("in place of itself: %v", err)
	}
}

func TestPrincipalsAreRewritten(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	arn := func(user string) string { return `"arn:aws:iam::` + string(id) + `:user/` + user + `"` }
	sent := trust(`{"Sid":"Keep","Effect":"Allow","Principal":{"AWS":[` + arn("alice") + `,` + arn("bob") + `,` + arn("carol") + `]},"Action":["sts:AssumeRole"]}`)
	if err := setTrust(admin, "Bob", sent); err != nil {
		t.Fatal(err)
	}
	got := getTrust(t, admin, "Bob")
	for _, user := range []string{"alice", "bob", "carol"} {
		if !strings.Contains(got, arn(user)) {
			t.Errorf("%s is not there as an ARN: %s", user, got)
		}
	}
	if strings.Contains(got, arn("alice")+","+arn("bob")+","+arn("carol")) {
		t.Errorf("principals are in the order in which they were sent: %s", got)
	}
	if !strings.Contains(got, `"Action":"sts:AssumeRole"`) || !strings.HasPrefix(got, `{"Version":"2012-10-17","Statement":[{"Sid":"Keep"`) {
		t.Errorf("one-element lists collapse and the rest stays: %s", got)
	}
	client := iam.NewFromConfig(admin)
	if _, err := client.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: aws.String("bob")}); err != nil {
		t.Fatal(err)
	}
	after := getTrust(t, admin, "Bob")
	if strings.Contains(after, arn("bob")) || strings.Count(after, "AIDA") != 1 {
		t.Errorf("a deleted user reads as its id: %s", after)
	}
	if err := setTrust(admin, "Bob", after); code(err) != "MalformedPolicyDocument" {
		t.Errorf("saving a dead id again: got %v, want it refused", err)
	}
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("bob")}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, getTrust(t, admin, "Bob")); d != "" {
		t.Errorf("a new user of the same name is somebody else: %s", d)
	}
}
