package aws_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// world is a running sandbox and a Cloud that uses it.
type world struct {
	*aws.Cloud
	org      *sandbox.Organization
	endpoint string
}

func newWorld(t testing.TB, cfg sandbox.Config, change ...func(*aws.Config)) world {
	t.Helper()
	org, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	k := org.Credentials()[0]
	settings := aws.Config{
		Endpoint: "http://" + addr, AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey,
		BackoffBase: time.Millisecond, BackoffCap: 5 * time.Millisecond, IAMRate: -1, STSRate: -1, OrganizationsRate: -1,
	}
	for _, f := range change {
		f(&settings)
	}
	cloud, err := aws.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	return world{cloud, org, settings.Endpoint}
}

func (w world) account(t *testing.T, name string) access.Account {
	t.Helper()
	for _, a := range w.org.Accounts() {
		if a.Name == name {
			return access.Account{ID: a.ID, Name: a.Name, State: a.State, OU: a.OU}
		}
	}
	t.Fatalf("no account %s", name)
	return access.Account{}
}

// byHand returns an IAM client that may do everything in a member account, for changes past the
// console.
func (w world) byHand(t *testing.T, account access.AccountID) *iam.Client {
	t.Helper()
	var admin sandbox.Credential
	for _, k := range w.org.Credentials() {
		if k.User == sandbox.AdminUser {
			admin = k
		}
	}
	cfg := sdk.Config{Region: "us-east-1", BaseEndpoint: &w.endpoint, Credentials: credentials.NewStaticCredentialsProvider(admin.AccessKeyID, admin.SecretAccessKey, "")}
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: sdk.String("arn:aws:iam::" + string(account) + ":role/OrganizationAccountAccessRole"), RoleSessionName: sdk.String("by-hand"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return iam.NewFromConfig(cfg)
}

func role(name string) access.Resource {
	return access.Resource{Kind: access.ResourceRole, Path: "/", Name: name}
}

func user(name string) access.Resource {
	return access.Resource{Kind: access.ResourceUser, Path: "/", Name: name}
}

func scope(a access.Account, resources ...access.Resource) access.Scope {
	return access.Scope{Account: a, Resources: resources, SessionName: "portcullis-test"}
}

func userSidePolicy(account access.AccountID, userName string) string {
	who := `"Principal":{"AWS":"arn:aws:iam::` + string(account) + `:user/` + userName + `"},"Action":"sts:AssumeRole"`
	return `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow","Effect":"Allow",` + who + `},{"Sid":"PortcullisDeny","Effect":"Deny",` + who +
		`,"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]}`
}

func mayAssume(account access.AccountID, roleName string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Portcullis","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::` + string(account) + `:role/` + roleName + `"}]}`
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{PageSize: 3}) // several pages of everything, one of them empty
	org, err := w.Organization(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Name, OU string
		State    access.AccountState
		Tags     map[string]string
	}
	got, want := map[access.AccountID]row{}, map[access.AccountID]row{}
	for _, a := range org.Accounts {
		got[a.ID] = row{a.Name, a.OU, a.State, a.Tags}
		if a.Partition != "aws" || a.Email == "" || a.Management != (a.Name == "management") {
			t.Errorf("account %s: %+v", a.Name, a)
		}
	}
	for _, a := range w.org.Accounts() {
		want[a.ID] = row{a.Name, a.OU, a.State, a.Tags}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	paths := make([]string, len(org.OUs))
	for i, ou := range org.OUs {
		paths[i] = ou.Path
	}
	wantPaths := []string{
		"Root", "Root/Infrastructure", "Root/Sandbox", "Root/Security", "Root/Suspended", "Root/Workloads",
		"Root/Workloads/Acquired", "Root/Workloads/NonProd", "Root/Workloads/Prod",
	}
	if d := cmp.Diff(wantPaths, paths); d != "" {
		t.Error(d)
	}
}

func TestInventory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{PageSize: 4})
	inv, err := w.Inventory(t.Context(), w.account(t, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	var roles, users []string
	for _, r := range inv.Roles {
		roles = append(roles, r.Resource.String())
		if !strings.HasPrefix(r.ID, "AROA") || !r.Exists || !strings.HasPrefix(r.Document, "{") {
			t.Errorf("role %+v", r)
		}
	}
	for _, u := range inv.Users {
		users = append(users, u.Resource.String())
	}
	wantRoles := []string{"role Admin", "role Bob", "role Deploy", "role OrganizationAccountAccessRole", "role ReadOnly"}
	if d := cmp.Diff(wantRoles, roles); d != "" {
		t.Error(d)
	}
	wantUsers := []string{"user alice", "user bob", "user carol", "user dave", "user erin", "user ops/frank", "user ops/grace", "user contractors/heidi"}
	if d := cmp.Diff(wantUsers, users); d != "" {
		t.Error(d)
	}
	alice, _ := inv.User("/", "alice")
	if d := cmp.Diff([]string{"assume-admin"}, alice.InlinePolicies); d != "" || alice.OtherInlineSize < 100 || alice.Document != "" {
		t.Errorf("alice: %+v", alice)
	}
	shared, err := w.Inventory(t.Context(), w.account(t, "shared-services"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(access.Quotas{TrustPolicy: 8192, UserPolicy: 2048, ManagedPolicy: 6144, Attachments: 10}, shared.Quotas); d != "" {
		t.Error(d)
	}
}

func TestWriteAndReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "payments-prod")
	sc := scope(a, role("Bob"), user("carol"))
	for _, wr := range []access.Write{{Resource: role("Bob"), Document: userSidePolicy(a.ID, "carol")}, {Resource: user("carol"), Document: mayAssume(a.ID, "Bob")}} {
		if err := w.Write(t.Context(), sc, wr); err != nil {
			t.Fatal(err)
		}
	}
	docs, err := w.Read(t.Context(), sc, []access.Resource{user("carol"), role("Bob"), user("nobody"), role("Nothing"), {Kind: access.ResourceRole, Path: "/team-x/", Name: "Bob"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, wantExists := range []bool{true, true, false, false, false} {
		if docs[i].Exists != wantExists {
			t.Errorf("document %d: exists %v, want %v", i, docs[i].Exists, wantExists)
		}
	}
	if got, want := docs[0].Document, mayAssume(a.ID, "Bob"); got != want {
		t.Errorf("user policy: got %s, want %s", got, want)
	}
	if !strings.Contains(docs[1].Document, "PortcullisDeny") || !strings.Contains(docs[1].Document, ":user/carol") {
		t.Errorf("trust policy: %s", docs[1].Document)
	}
	for range 2 { // the second time there is nothing to delete
		if err := w.Write(t.Context(), sc, access.Write{Resource: user("carol")}); err != nil {
			t.Errorf("deleting: %v", err)
		}
	}
	if err := w.Write(t.Context(), sc, access.Write{Resource: role("Bob")}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("an empty trust policy: got %v, want it refused", err)
	}
}

// Reading goes the way with fewer calls, and both ways say the same.
func TestReadCountsItsCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	everything := []access.Resource{role("Bob"), role("Admin"), role("Deploy"), user("alice"), user("bob"), user("carol")}
	sc := scope(a, everything...)
	before := w.Counts(a.ID)
	all, err := w.Read(t.Context(), sc, everything)
	if err != nil {
		t.Fatal(err)
	}
	after := w.Counts(a.ID)
	if got, want := after.Calls-before.Calls, int64(3); got != want { // AssumeRole, GetCallerIdentity and one sweep
		t.Errorf("calls for everything: got %d, want %d", got, want)
	}
	one, err := w.Read(t.Context(), sc, everything[:1])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Counts(a.ID).Calls-after.Calls, int64(1); got != want {
		t.Errorf("calls for one role: got %d, want %d", got, want)
	}
	if d := cmp.Diff(all[0], one[0]); d != "" {
		t.Error(d)
	}
	if got := w.Counts(a.ID).Writes; got != 0 {
		t.Errorf("writes: got %d, want none", got)
	}
}

// An account of many pages is read one by one when that is fewer calls.
func TestReadAvoidsALongSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{PageSize: 2})
	a := w.account(t, "web-prod")
	if _, err := w.Inventory(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	resources := []access.Resource{role("Bob"), user("erin")}
	before := w.Counts(a.ID).Calls
	docs, err := w.Read(t.Context(), scope(a, resources...), resources)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Counts(a.ID).Calls-before, int64(2+1+2); got != want { // AssumeRole and GetCallerIdentity, GetRole, GetUser and GetUserPolicy
		t.Errorf("calls: got %d, want %d", got, want)
	}
	if !docs[0].Exists || !docs[1].Exists || docs[1].ID == "" || docs[1].Document != "" {
		t.Errorf("documents: %+v", docs)
	}
}

// The session policy keeps a push to its own resources.
func TestScopeBinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	sc := scope(a, role("Bob"), user("alice"))
	for _, wr := range []access.Write{
		{Resource: role("Admin"), Document: userSidePolicy(a.ID, "alice")},
		{Resource: user("bob"), Document: mayAssume(a.ID, "Bob")},
	} {
		err := w.Write(t.Context(), sc, wr)
		if got, want := access.CloudClassOf(err), access.CloudDenied; got != want {
			t.Errorf("%s outside of the scope: got %q (%v), want %q", wr.Resource, got, err, want)
		}
	}
	err := w.Write(t.Context(), scope(a, role("PortcullisDeploy")), access.Write{Resource: role("PortcullisDeploy"), Document: userSidePolicy(a.ID, "alice")})
	if got, want := access.CloudClassOf(err), access.CloudDenied; got != want {
		t.Errorf("the deployment role itself: got %q (%v), want %q", got, err, want)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := aws.New(t.Context(), aws.Config{}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: got %v", err)
	}
	if _, err := aws.New(t.Context(), aws.Config{Region: "eu-west-1", DeployRole: "no role"}); err == nil || !strings.Contains(err.Error(), "PORTCULLIS_DEPLOY_ROLE") {
		t.Errorf("with a bad role: got %v", err)
	}
}

// What somebody writes by hand is read, in AWS's own spelling.
func TestReadsForeignEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	client := w.byHand(t, a.ID)
	doc := userSidePolicy(a.ID, "dave")
	if _, err := client.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: sdk.String("Bob"), PolicyDocument: &doc}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: sdk.String("dave")}); err != nil {
		// dave has something attached in some accounts; here he has not
		t.Fatal(err)
	}
	docs, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob"), user("dave")})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(docs[0].Document, `"AWS":"AIDA`) || strings.Contains(docs[0].Document, "user/dave") {
		t.Errorf("the trust policy still names a deleted user by ARN: %s", docs[0].Document)
	}
	if docs[1].Exists {
		t.Error("a deleted user is still there")
	}
}

// Sixty accounts, eight at a time, share a handful of connections.
func TestNoConnectionPerAccount(t *testing.T) {
	t.Parallel()
	org, err := sandbox.New(sandbox.Config{Accounts: 60})
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int64
	srv := httptest.NewUnstartedServer(org)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	k := org.Credentials()[0]
	cloud, err := aws.New(t.Context(), aws.Config{Endpoint: srv.URL, AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, IAMRate: -1, STSRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(8)
	reachable := int64(0)
	for _, a := range org.Accounts() {
		if a.Name == "management" || a.Name == "acquired-shop" || a.State != access.AccountActive {
			continue
		}
		reachable++
		g.Go(func() error {
			_, err := cloud.Inventory(ctx, access.Account{ID: a.ID})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := cloud.TotalCounts().Calls, 4*reachable; got != want { // AssumeRole, GetCallerIdentity, summary, sweep
		t.Errorf("calls: got %d, want %d", got, want)
	}
	if got := connections.Load(); got > 16 {
		t.Errorf("connections: got %d, want no more than 16", got)
	}
}

// IAM finds a role or user by its name in any case and under any path. Such a one is not what was asked for.
func TestReadTellsAnotherRoleOfTheSameName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "identity")
	under := func(kind access.ResourceKind, path, name string) access.Resource {
		return access.Resource{Kind: kind, Path: path, Name: name}
	}
	for _, tc := range []struct {
		asked access.Resource
		real  string
	}{
		{role("bob"), "Bob"},
		{under(access.ResourceRole, "/team-x/", "Bob"), "Bob"},
		{user("CAROL"), "carol"},
		{under(access.ResourceUser, "/", "frank"), "ops/frank"},
		{under(access.ResourceAttachments, "/", "Frank"), "ops/frank"},
		{role("Nothing"), ""},
	} {
		// Alone it is read by name; together with many others, by a sweep over the account.
		many := []access.Resource{tc.asked}
		for i := range 40 {
			many = append(many, role(fmt.Sprintf("Nothing-%d", i)))
		}
		for _, resources := range [][]access.Resource{{tc.asked}, many} {
			docs, err := w.Read(t.Context(), scope(a), resources)
			if err != nil {
				t.Fatal(err)
			}
			if d := docs[0]; d.Exists || d.RealName != tc.real || d.Resource != tc.asked {
				t.Errorf("%s among %d: exists %t, real name %q, want %q", tc.asked, len(resources), d.Exists, d.RealName, tc.real)
			}
		}
	}
}
