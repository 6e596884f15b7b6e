package harness

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// DemoPassword is what everybody in the demo signs in with.
const DemoPassword = "portcullis-demo"

// readyWithin is how long a console may take to be ready, on a busy machine.
const readyWithin = 60 * time.Second

// Console is a portcullis serve or demo that is ready.
type Console struct {
	*Process
	Sandbox *Sandbox      // of a demo
	Data    string        // the data folder of a demo
	Metrics string        // where its metrics are
	Ready   time.Duration // from its start until it was ready

	t    testing.TB
	env  []string
	args []string
}

// Demo runs the demo, its data in a folder of the test. Flags are added to its own.
func Demo(t testing.TB, flags ...string) *Console {
	t.Helper()
	dir, err := sharedDir()
	if err != nil {
		t.Fatal(err)
	}
	data := fmt.Sprintf("%s/demo-%d", dir, databases.Add(1))
	box := freeAddr(t)
	args := append([]string{"demo", "--sandbox-listen", box, "--data-dir", data}, flags...)
	c := startConsole(t, freeAddr(t), nil, args)
	c.Sandbox, c.Data = SandboxAt(t, "http://"+box), data
	return c
}

// Serve runs a console on a database. env says where its AWS is (see Sandbox.Env), and
// what else is set.
func Serve(t testing.TB, db *Database, env ...string) *Console {
	t.Helper()
	return startConsole(t, freeAddr(t), serveEnv(db, env), []string{"serve"})
}

// ServeUnready runs a console on a database that serves pages and may never be ready.
func ServeUnready(t testing.TB, db *Database, env ...string) *Console {
	t.Helper()
	return startUntil(t, "/signin", freeAddr(t), serveEnv(db, env), []string{"serve"})
}

// serveEnv is the environment of a console on a database. All consoles on it keep the same key of the audit log.
func serveEnv(db *Database, env []string) []string {
	return append([]string{db.Env(), "PORTCULLIS_DATA_DIR=" + db.DataDir()}, env...)
}

// Readiness asks whether the console is ready, with the details.
func (c *Console) Readiness() (status int, said string) {
	c.t.Helper()
	resp, err := http.Get(c.URL() + "/readyz?verbose")
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// In is the same console for a part of a test.
func (c *Console) In(t testing.TB) *Console {
	mine := *c
	mine.t = t
	if c.Sandbox != nil {
		box := *c.Sandbox
		box.t = t
		mine.Sandbox = &box
	}
	return &mine
}

// Again starts the console once more, as it was started the first time.
func (c *Console) Again() *Console {
	c.t.Helper()
	again := startConsole(c.t, c.Addr, c.env, c.args)
	again.Sandbox = c.Sandbox
	return again
}

func startConsole(t testing.TB, addr string, env, args []string) *Console {
	t.Helper()
	return startUntil(t, "/readyz", addr, env, args)
}

// startUntil starts a console and waits until a path answers with 200.
func startUntil(t testing.TB, path, addr string, env, args []string) *Console {
	t.Helper()
	metrics := freeAddr(t)
	c := &Console{t: t, env: env, args: args, Metrics: "http://" + metrics + "/metrics"}
	c.Process = start(t, Binary(t), addr, env, append(slices.Clone(args), "--listen", addr, "--metrics-listen", metrics)...)
	Eventually(t, readyWithin, "the console is ready", func() (bool, string) {
		if c.Ended() {
			t.Fatalf("the console ended at its start:\n%s", c.Output())
		}
		resp, err := http.Get(c.URL() + path)
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		c.Ready = time.Since(c.Started)
		return resp.StatusCode == http.StatusOK, resp.Status
	})
	return c
}

// Metric reads one number of the console's metrics.
func (c *Console) Metric(name string) float64 {
	c.t.Helper()
	resp, err := http.Get(c.Metrics)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				c.t.Fatalf("metric %s: %v", name, err)
			}
			return v
		}
	}
	c.t.Fatalf("there is no metric %s", name)
	return 0
}

// Person is a local account of a console, to be made with the command line.
type Person struct {
	Name     string
	Roles    []string
	Password string
	Token    string
}

// Email is the person's e-mail address.
func (p Person) Email() string { return strings.ToLower(p.Name) + "@example.com" }

// AddPerson makes a local account with an API token of every scope, by the command line. It also lets tokens review and
// apply, because tests decide by token, too.
func AddPerson(t testing.TB, db *Database, name string, roles ...string) Person {
	t.Helper()
	p := Person{Name: name, Roles: roles, Password: "correct horse " + url.QueryEscape(name)}
	args := []string{"user", "add", "--email", p.Email(), "--name", name, "--password-stdin"}
	for _, r := range roles {
		args = append(args, "--role", r)
	}
	env := []string{db.Env()}
	MustCommand(t, env, p.Password+"\n", args...)
	create := append([]string{"token", "create", "--user", p.Email(), "--name", "test"}, EveryScope()...)
	p.Token = strings.TrimSpace(MustCommand(t, env, "", create...))
	db.letTokensDecide()
	return p
}

// EveryScope are the flags that give a token every scope.
func EveryScope() []string {
	var flags []string
	for _, scope := range access.Scopes() {
		flags = append(flags, "--scope", string(scope))
	}
	return flags
}

// DemoPerson is one of the people of the demo: editor, approver, operator and so on.
func DemoPerson(name string) Person {
	return Person{Name: name, Password: DemoPassword, Token: "portcullis-demo-" + name}
}
