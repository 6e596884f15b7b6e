package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const article = "testdata/article.yaml"

// run is the program as a shell sees it.
type run struct {
	out, err string
	code     int
}

func command(t *testing.T, env []string, args ...string) run {
	t.Helper()
	out, errs, code := harness.Command(t, env, "", args...)
	return run{out, errs, code}
}

// refused checks that a run failed with a code and said why on one line.
func (r run) refused(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; standard error: %s", r.code, code, r.err)
	}
	if strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "portcullis: ") {
		t.Errorf("standard error = %q, want one line that begins with the program's name", r.err)
	}
	for _, s := range says {
		if !strings.Contains(r.err, s) {
			t.Errorf("standard error = %q, want it to say %q", r.err, s)
		}
	}
}

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nothing":              {nil, "--help"},
		"unknown command":      {[]string{"open-sesame"}, "open-sesame"},
		"unknown flag":         {[]string{"demo", "--open"}, "--open"},
		"render without file":  {[]string{"policy", "render"}, "--file"},
		"explain without role": {[]string{"policy", "explain", "-f", article, "--account", "111122223333", "--user", "alice"}, "--role"},
		"account of 11 digits": {[]string{"policy", "render", "-f", article, "--account", "11112222333"}, "12 digits"},
		"no address":           {explain("alice", "103.15.250"), "not an IP address"},
		"no user":              {explain("al ice", "103.15.250.7"), "--user"},
		"no VPC":               {explain("alice", "", "--source-vpc", "office"), "--source-vpc"},
		"no endpoint":          {explain("alice", "", "--source-vpce", "vpc-0a1b2c3d4e5f60718"), "--source-vpce"},
		"no session name":      {explain("alice", "103.15.250.7", "--session-name", "al ice"), "--session-name"},
		"no source identity":   {explain("alice", "103.15.250.7", "--source-identity", "a"), "--source-identity"},
		"unknown role":         {[]string{"user", "add", "--email", "a@example.com", "--name", "A", "--role", "king"}, "king"},
		"no accounts":          {[]string{"demo", "--accounts", "0"}, "--accounts"},
		"OIDC":                 {[]string{"serve", "--oidc-issuer", "https://id.example.com"}, "OIDC_CLIENT_ID"},
		"proxies":              {[]string{"serve", "--trusted-proxies", "everybody"}, "everybody"},
		"migrate sideways":     {[]string{"migrate", "sideways"}, "up"},
	} {
		t.Run(name, func(t *testing.T) { command(t, nil, c.args...).refused(t, 2, c.says) })
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"policy", "explain", "--help"}, {"version"}} {
		r := command(t, nil, args...)
		if r.code != 0 || r.err != "" || r.out == "" {
			t.Errorf("%v: code %d, output %q, standard error %q; want help on standard output", args, r.code, r.out, r.err)
		}
	}
}

func TestRender(t *testing.T) {
	r := command(t, nil, "policy", "render", "-f", article)
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	var got struct {
		Accounts map[string]struct {
			Roles, Users map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	payments := got.Accounts["111122223333"]
	if !strings.Contains(string(payments.Roles["Bob"]), "12.148.72.0/23") || payments.Users["alice"] == nil {
		t.Errorf("documents = %s, want Bob's trust policy and alice's policy", r.out)
	}
	if again := command(t, nil, "policy", "render", "-f", article); again.out != r.out {
		t.Error("the same scenario rendered differently")
	}
	if one := command(t, nil, "policy", "render", "-f", article, "--account", "111122223333"); one.code != 0 || !strings.Contains(one.out, "Bob") {
		t.Errorf("one account: code %d, %s", one.code, one.out)
	}
	command(t, nil, "policy", "render", "-f", article, "--account", "999988887777").refused(t, 1, "999988887777")
}

func TestRenderFromStandardInput(t *testing.T) {
	scenario, err := os.ReadFile(article)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, code := harness.Command(t, nil, string(scenario), "policy", "render", "-f", "-")
	if code != 0 || !strings.Contains(out, "Bob") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
}

func TestBadScenarios(t *testing.T) {
	for name, c := range map[string]struct{ from, to, says string }{
		"unknown key":       {"name: payments", "nmae: payments", "nmae"},
		"private range":     {"103.15.250.0/24", "10.0.0.0/8", "RFC 1918"},
		"host bits":         {"103.15.250.0/24", "103.15.250.1/24", "host bits"},
		"no such address":   {"103.15.250.0/24", "300.1.1.1/24", "300.1.1.1"},
		"mapped address":    {"103.15.250.0/24", `"::ffff:1.2.3.4/128"`, "IPv4"},
		"a word":            {"103.15.250.0/24", "office", "office"},
		"unknown allowlist": {"allowlists: [office]", "allowlists: [offcie]", "offcie"},
		"broken YAML":       {"users: [alice]", "users: [alice", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := edited(t, c.from, c.to)
			command(t, nil, "policy", "render", "-f", file).refused(t, 1, c.says, file)
		})
	}
	command(t, nil, "policy", "render", "-f", "nowhere.yaml").refused(t, 1, "nowhere.yaml", "no such file", "-f")
}

// edited is the article's scenario with one thing replaced.
func edited(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(article)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q to replace", article, from)
	}
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func explain(user, ip string, more ...string) []string {
	args := []string{"policy", "explain", "-f", article, "--account", "111122223333", "--role", "Bob", "--user", user}
	if ip != "" {
		args = append(args, "--source-ip", ip)
	}
	return append(args, more...)
}

func TestExplain(t *testing.T) {
	const allowed, denied = 0, 3
	for _, c := range []struct {
		user, ip string
		want     int
	}{
		{"alice", "103.15.250.7", allowed},
		{"alice", "12.148.73.255", allowed},
		{"alice", "103.15.251.0", denied},
		{"alice", "12.148.74.0", denied},
		{"alice", "8.8.8.8", denied},
		{"alice", "2001:db8::1", denied},
		{"alice", "", denied},
		{"mallory", "103.15.250.7", denied},
	} {
		r := command(t, nil, explain(c.user, c.ip)...)
		if r.code != c.want || r.err != "" {
			t.Errorf("%s from %q: code %d (%s%s), want %d", c.user, c.ip, r.code, r.out, r.err, c.want)
		}
		if verdict, _, _ := strings.Cut(r.out, ":"); verdict != map[int]string{allowed: "allowed", denied: "denied"}[c.want] {
			t.Errorf("%s from %q: says %q", c.user, c.ip, r.out)
		}
	}
	var decision struct{ Verdict, Statement, Sentence string }
	r := command(t, nil, explain("alice", "8.8.8.8", "--json")...)
	if err := json.Unmarshal([]byte(r.out), &decision); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	if r.code != denied || decision.Verdict != "denied" || !strings.HasPrefix(decision.Statement, "Portcullis") || decision.Sentence == "" {
		t.Errorf("--json: code %d, %+v; want the statement that denies, and a sentence", r.code, decision)
	}
}

func TestLint(t *testing.T) {
	if r := command(t, nil, "policy", "lint", "-f", article); r.code != 0 {
		t.Errorf("the article's scenario: code %d, %s%s", r.code, r.out, r.err)
	}
	open := edited(t, "103.15.250.0/24", "0.0.0.0/0")
	r := command(t, nil, "policy", "lint", "-f", open)
	if r.code != 4 || !strings.Contains(r.out, "0.0.0.0/0") {
		t.Errorf("the whole internet: code %d, %s%s; want 4 and which entry", r.code, r.out, r.err)
	}
}

func TestExplainSourceIdentity(t *testing.T) {
	file := edited(t, "    allowlists: [office]", "    allowlists: [office]\n    source_identity: username")
	args := []string{"policy", "explain", "-f", file, "--account", "111122223333", "--role", "Bob", "--user", "alice", "--source-ip", "103.15.250.7"}
	for identity, want := range map[string]int{"alice": 0, "mallory": 3} {
		if r := command(t, nil, append(args, "--source-identity", identity)...); r.code != want {
			t.Errorf("as %s: code %d, want %d: %s%s", identity, r.code, want, r.out, r.err)
		}
	}
}

func TestLintSaysWhere(t *testing.T) {
	open := edited(t, "103.15.250.0/24", "0.0.0.0/0")
	r := command(t, nil, "policy", "lint", "-f", open)
	at := func(line int, code string) string { return fmt.Sprintf("%s:%d: error %s", open, line, code) }
	text, err := os.ReadFile(open)
	if err != nil {
		t.Fatal(err)
	}
	entry := 1 + strings.Count(strings.SplitN(string(text), "0.0.0.0/0", 2)[0], "\n")
	if !strings.Contains(r.out, at(entry, "entry_whole_internet")) {
		t.Errorf("lint says %s, want the entry's line %d", r.out, entry)
	}
}

func TestOneFileNameInAMessage(t *testing.T) {
	file := edited(t, `accounts: {ids: ["111122223333"]}`, `accounts: {ids: ["111122223399"]}`)
	r := command(t, nil, "policy", "render", "-f", file)
	r.refused(t, 1, file+":", "111122223399")
	if strings.Count(r.err, file) != 1 {
		t.Errorf("the file is named more than once: %s", r.err)
	}
	command(t, nil, "policy", "render", "-f", article, "--account", "999988887777").refused(t, 1, article, "999988887777")
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, data := l.Addr().String(), filepath.Join(t.TempDir(), "data")
	command(t, nil, "demo", "--listen", taken, "--data-dir", data).refused(t, 1, taken, "in use", "--listen")
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was made before the port was known to be free: %v", err)
	}
	r := command(t, nil, "sandbox", "--listen", taken)
	r.refused(t, 1, taken, "in use", "with --listen")
	if strings.Contains(r.err, "listen tcp") {
		t.Errorf("the sandbox says %q, with a chain of errors at its end", r.err)
	}
	for dir := filepath.Dir(data); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) { // Postgres drops to another user where this one is root
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, nil, "demo", "--listen", "127.0.0.1:0", "--sandbox-listen", taken, "--data-dir", data).refused(t, 1, taken, "in use", "with --sandbox-listen")
}

func TestDemoStaysOnLoopback(t *testing.T) {
	command(t, nil, "demo", "--listen", "0.0.0.0:0", "--data-dir", t.TempDir()).refused(t, 1, "loopback")
	command(t, nil, "demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "0.0.0.0:0", "--data-dir", t.TempDir()).refused(t, 1, "loopback")
}

func TestPostgresDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody listens there any more
	env := []string{fmt.Sprintf("DATABASE_URL=postgres://portcullis:s3cret-word@%s/portcullis", addr)}
	env = append(env, "AWS_REGION=us-east-1")
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0", "--no-audit-key"}, {"migrate"}, {"audit", "verify"}, {"user", "list"},
	} {
		r := command(t, env, args...)
		r.refused(t, 1, "database")
		if strings.Contains(r.err, "s3cret-word") {
			t.Errorf("%v: the password stands in the message: %s", args, r.err)
		}
		if strings.Count(r.err, addr) > 1 || !strings.HasSuffix(r.err, "connection refused\n") {
			t.Errorf("%v: a chain of errors in place of a sentence: %s", args, r.err)
		}
	}
}

func TestUnusableDataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		command(t, nil, "demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--data-dir", dir).refused(t, 1, dir, "--data-dir")
	}
}
