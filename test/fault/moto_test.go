package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

// moto is an emulator of AWS that others wrote, with an organization in it.
type moto struct {
	t        *testing.T
	endpoint string
	accounts []access.AccountID
	record   *recorder // of the calls of the console
}

// TestOtherEmulator runs the whole cycle against moto's server: nothing may rest on a
// quirk of our own sandbox.
func TestOtherEmulator(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not on PATH (pip install 'moto[server]'), so the cycle is not tried against an emulator that others wrote")
	}
	story := tell(t, "An emulator that others wrote", "The whole cycle against moto's server, which isolates accounts as AWS does.")
	p := harness.StartOther(t, path, func(host, port string) []string { return []string{"-H", host, "-p", port} })
	m := &moto{t: t, endpoint: p.URL()}
	m.organize(4)
	m.record = record(t, m.endpoint)

	db := harness.NewDatabase(t)
	c := harness.Serve(t, db, "AWS_ENDPOINT_URL="+m.record.endpoint, "AWS_REGION="+harness.Region,
		"AWS_ACCESS_KEY_ID=management", "AWS_SECRET_ACCESS_KEY=secret")
	crew := harness.NewCrew(c, db)
	api := crew.API(crew.Editor)
	api.WaitForInventories(time.Minute)
	crew.AddAllowlist("office", "103.15.250.0/24 office")

	rollout := crew.Decide(crew.AddMapping(harness.Mapping{Role: "Bob", Users: "alice\nbob", Allowlists: []string{"office"}}), "Alice and Bob may take Bob")
	m.completed(api, rollout, "succeeded")
	before := m.documents(api, rollout)
	rollout = crew.Decide(crew.AddEntries("office", "12.148.80.0/22 data centre"), "Open the data centre")
	m.completed(api, rollout, "succeeded")
	after := m.documents(api, rollout)
	for _, id := range m.accounts {
		if iam.Equal(before[id], after[id], nil) {
			t.Errorf("account %s: the role's trust policy has not changed:\n%s", id, after[id])
		}
	}
	m.rollBack(crew, rollout, before)
	m.completed(api, crew.PushAgain(), "unchanged")
	m.retry(crew)
	m.across(crew)
	harness.MustCommand(t, []string{db.Env()}, "", "audit", "verify")
	story.fact("%d accounts: mapped, changed, rolled back, pushed again, a failure retried, "+
		"a role of other accounts granted and revoked; each document read back with the SDK and compared", len(m.accounts))
}

// completed checks that a rollout ended the same way in every account.
func (m *moto) completed(api *harness.API, rollout, state string) {
	m.t.Helper()
	r := api.WaitForRollout(rollout, time.Minute)
	if r.State != "completed" || r.Targets != len(m.accounts) || r.Counts[state] != len(m.accounts) {
		m.t.Fatalf("rollout %s is %s with %v; want all %d accounts %s", rollout, r.State, r.Counts, len(m.accounts), state)
	}
}

// rollBack takes a rollout back, and checks that every account holds what it held before.
func (m *moto) rollBack(crew *harness.Crew, rollout string, before map[access.AccountID]string) {
	m.t.Helper()
	if status, answer := crew.API(crew.Operator).Post("/rollouts/"+rollout+"/rollback", map[string]string{"reason": "a test"}); status != http.StatusOK {
		m.t.Fatalf("rolling back: %d %s", status, answer)
	}
	harness.Eventually(m.t, time.Minute, "the rollout is rolled back", func() (bool, string) {
		r, err := crew.API(crew.Editor).Rollout(rollout)
		return err == nil && r.State == "rolled_back", fmt.Sprint(r.State, r.Note, err)
	})
	for _, id := range m.accounts {
		if now := m.trust(id, "Bob"); !iam.Equal(now, before[id], nil) {
			m.t.Errorf("account %s: rolled back, the role's trust policy is\n%s\nwant\n%s", id, now, before[id])
		}
	}
}

// retry takes a role away in one account, has a change fail there, gives the role back
// as it was, and retries.
func (m *moto) retry(crew *harness.Crew) {
	m.t.Helper()
	ctx, client, name := m.t.Context(), m.iam(m.accounts[0]), aws.String("Bob")
	held := m.trust(m.accounts[0], "Bob")
	_, err := client.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: name})
	must(m.t, err)
	rollout := crew.Decide(crew.AddEntries("office", "12.148.90.0/24 annex"), "Open the annex")
	api := crew.API(crew.Editor)
	if r := api.WaitForRollout(rollout, time.Minute); r.Counts["failed"] != 1 || r.Counts["succeeded"] != len(m.accounts)-1 {
		m.t.Fatalf("without the role in one account the rollout is %s with %v", r.State, r.Counts)
	}
	_, err = client.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &held})
	must(m.t, err)
	if status, answer := crew.API(crew.Operator).Post("/rollouts/"+rollout+"/retry", nil); status != http.StatusOK {
		m.t.Fatalf("retrying: %d %s", status, answer)
	}
	m.completed(api, rollout, "succeeded")
	m.documents(api, rollout)
}

// documents reads Bob's trust policy in every account, and checks it against the plan.
func (m *moto) documents(api *harness.API, rollout string) map[access.AccountID]string {
	m.t.Helper()
	got := map[access.AccountID]string{}
	for _, target := range api.Plan(rollout) {
		for _, op := range target.Operations {
			if op.Resource.Kind != access.ResourceRole {
				continue
			}
			got[target.Account] = m.trust(target.Account, op.Resource.Name)
			if want := text(op.After); !iam.Equal(got[target.Account], want, nil) {
				m.t.Errorf("%s of account %s holds\n%s\nwant\n%s", op.Resource, target.Account, got[target.Account], want)
			}
		}
	}
	return got
}

func (m *moto) trust(account access.AccountID, role string) string {
	m.t.Helper()
	out, err := m.iam(account).GetRole(m.t.Context(), &awsiam.GetRoleInput{RoleName: &role})
	if err != nil {
		m.t.Fatal(err)
	}
	document, err := url.QueryUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		m.t.Fatal(err)
	}
	return document
}

// userPolicy is our policy of a user; "" for none.
func (m *moto) userPolicy(account access.AccountID, user string) string {
	m.t.Helper()
	in := &awsiam.GetUserPolicyInput{UserName: &user, PolicyName: aws.String(access.UserPolicyName)}
	out, err := m.iam(account).GetUserPolicy(m.t.Context(), in)
	if err != nil {
		var none *iamtypes.NoSuchEntityException
		if errors.As(err, &none) {
			return ""
		}
		m.t.Fatal(err)
	}
	document, err := url.QueryUnescape(aws.ToString(out.PolicyDocument))
	must(m.t, err)
	return document
}

func (m *moto) config(key, secret, session string) aws.Config {
	return aws.Config{Region: harness.Region, BaseEndpoint: &m.endpoint, Credentials: credentials.NewStaticCredentialsProvider(key, secret, session)}
}

// iam is a client within an account.
func (m *moto) iam(account access.AccountID) *awsiam.Client {
	m.t.Helper()
	out, err := sts.NewFromConfig(m.config("management", "secret", "")).AssumeRole(m.t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + string(account) + ":role/OrganizationAccountAccessRole"), RoleSessionName: aws.String("test"),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	c := out.Credentials
	return awsiam.NewFromConfig(m.config(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken)))
}

// organize makes an organization of so many accounts, with roles and users in each.
func (m *moto) organize(accounts int) {
	m.t.Helper()
	ctx := m.t.Context()
	client := organizations.NewFromConfig(m.config("management", "secret", ""))
	_, err := client.CreateOrganization(ctx, &organizations.CreateOrganizationInput{FeatureSet: orgtypes.OrganizationFeatureSetAll})
	must(m.t, err)
	roots, err := client.ListRoots(ctx, &organizations.ListRootsInput{})
	must(m.t, err)
	ou, err := client.CreateOrganizationalUnit(ctx, &organizations.CreateOrganizationalUnitInput{Name: aws.String("Prod"), ParentId: roots.Roots[0].Id})
	must(m.t, err)
	for i := range accounts {
		name := "team-" + string(rune('a'+i))
		out, err := client.CreateAccount(ctx, &organizations.CreateAccountInput{AccountName: &name, Email: aws.String(name + "@example.com")})
		must(m.t, err)
		id := out.CreateAccountStatus.AccountId
		_, err = client.MoveAccount(ctx, &organizations.MoveAccountInput{AccountId: id, SourceParentId: roots.Roots[0].Id, DestinationParentId: ou.OrganizationalUnit.Id})
		must(m.t, err)
		m.staff(ctx, access.AccountID(*id))
		m.accounts = append(m.accounts, access.AccountID(*id))
	}
	for _, account := range m.desks() {
		trust := strings.ReplaceAll(trustsAccount, "ACCOUNT", string(m.home()))
		in := &awsiam.CreateRoleInput{RoleName: aws.String(desk), AssumeRolePolicyDocument: &trust}
		_, err := m.iam(account).CreateRole(ctx, in)
		must(m.t, err)
	}
}

// trustsService is a trust policy that others wrote.
const trustsService = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// trustsAccount is a trust policy of others that leaves it to an account whom it lets in.
const trustsAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Principal":{"AWS":"arn:aws:iam::ACCOUNT:root"},"Action":"sts:AssumeRole"}]}`

func (m *moto) staff(ctx context.Context, account access.AccountID) {
	m.t.Helper()
	client := m.iam(account)
	for _, role := range []string{"PortcullisDeploy", "Bob"} {
		_, err := client.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: aws.String(role), AssumeRolePolicyDocument: aws.String(trustsService)})
		must(m.t, err)
	}
	for _, user := range []string{"alice", "bob"} {
		_, err := client.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String(user)})
		must(m.t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
