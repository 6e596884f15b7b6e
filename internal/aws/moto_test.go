package aws_test

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
)

// startMoto runs the emulator that others wrote, so that nothing here leans on a quirk
// of our own. It is skipped where the emulator is not installed.
func startMoto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not on PATH; install it with: pip install 'moto[server]'")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, "-H", "127.0.0.1", "-p", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it may be a shell around the real one
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
		_ = cmd.Wait()
	})
	waitFor(t, "http://"+addr+"/moto-api/")
	return "http://" + addr
}

func waitFor(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer", url)
		case <-tick.C:
		}
	}
}

// motoAccount makes a member account with a role, a user and the deployment role.
func motoAccount(t *testing.T, cfg sdk.Config, name string) access.AccountID {
	t.Helper()
	out, err := organizations.NewFromConfig(cfg).CreateAccount(t.Context(), &organizations.CreateAccountInput{AccountName: &name, Email: sdk.String(name + "@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	id := *out.CreateAccountStatus.AccountId
	taken, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: sdk.String("arn:aws:iam::" + id + ":role/OrganizationAccountAccessRole"), RoleSessionName: sdk.String("setup")})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*taken.Credentials.AccessKeyId, *taken.Credentials.SecretAccessKey, *taken.Credentials.SessionToken)
	client := iam.NewFromConfig(cfg)
	foreign := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	for _, role := range []string{"PortcullisDeploy", "Bob", "Admin"} {
		if _, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &foreign}); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"carol", "dave"} {
		if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user}); err != nil {
			t.Fatal(err)
		}
	}
	return access.AccountID(id)
}

// The same cycle as against the sandbox: organization, inventory, write, read back.
func TestTheCycleAgainstMoto(t *testing.T) {
	t.Parallel()
	endpoint := startMoto(t)
	cfg := sdk.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("management", "secret", "")}
	if _, err := organizations.NewFromConfig(cfg).CreateOrganization(t.Context(), &organizations.CreateOrganizationInput{FeatureSet: types.OrganizationFeatureSetAll}); err != nil {
		t.Fatal(err)
	}
	first, second := motoAccount(t, cfg, "payments"), motoAccount(t, cfg, "search")
	cloud, err := aws.New(t.Context(), aws.Config{Endpoint: endpoint, AccessKeyID: "management", SecretAccessKey: "secret", OrganizationsRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	org, err := cloud.Organization(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(org.Accounts, func(a access.Account) bool { return a.ID == first })
	if len(org.Accounts) != 3 || i < 0 || org.Accounts[i].OU != "Root" || org.Accounts[i].Name != "payments" {
		t.Fatalf("organization: %+v", org)
	}
	inv, err := cloud.Inventory(t.Context(), org.Accounts[i])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := inv.Role(access.RoleName{Path: "/", Name: "Bob"}); !ok || len(inv.Users) != 2 {
		t.Fatalf("inventory: %+v", inv)
	}
	motoWrites(t, cloud, org.Accounts[i])
	other, err := cloud.Read(t.Context(), scope(access.Account{ID: second}), []access.Resource{role("Bob")})
	if err != nil || strings.Contains(other[0].Document, "Portcullis") {
		t.Errorf("the other account: %v, %v; want it as it was", other, err)
	}
}

func motoWrites(t *testing.T, cloud *aws.Cloud, a access.Account) {
	t.Helper()
	sc := scope(a, role("Bob"), user("carol"))
	trust, policy := userSidePolicy(a.ID, "carol"), mayAssume(a.ID, "Bob")
	for _, w := range []access.Write{{Resource: role("Bob"), Document: trust}, {Resource: user("carol"), Document: policy}} {
		if err := cloud.Write(t.Context(), sc, w); err != nil {
			t.Fatal(err)
		}
	}
	resources := []access.Resource{role("Bob"), user("carol"), user("dave"), user("nobody"), role("Nothing")}
	swept, err := cloud.Read(t.Context(), sc, resources)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range resources {
		want := []string{trust, policy, "", "", ""}[i]
		if swept[i].Document != want || swept[i].Exists != (i < 3) {
			t.Errorf("%s: got %+v, want the document %q", r, swept[i], want)
		}
	}
	single, err := cloud.Read(t.Context(), sc, resources[:1])
	if err != nil || single[0] != swept[0] {
		t.Errorf("read alone: got %+v (%v), want %+v", single, err, swept[0])
	}
	for range 2 {
		if err := cloud.Write(t.Context(), sc, access.Write{Resource: user("carol")}); err != nil {
			t.Errorf("deleting: %v", err)
		}
	}
}
