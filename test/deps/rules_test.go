package deps

import "regexp"

const module = "portcullis.internal/portcullis/"

// anything stands for every package of this module.
const anything = "*"

// folder is one row of the table in docs/architecture.md: a package, the subject of its
// code, and the packages of this module that its code may import. Its tests may import more.
type folder struct {
	path  string
	holds string
	may   []string
}

var folders = []folder{
	{"cmd/server", "the command line", []string{
		"internal/server", "internal/scenario", "internal/policy", "internal/iam", "internal/access",
	}},
	{"web", "the HTTP handler: composes transport, pages and API; embeds `static` and `openapi`", []string{
		"web/transport", "web/api", "web/pages", "web/view",
	}},
	{"web/transport", "the route table and its guards, sessions, limits, errors as answers, compression, downloads, streams", []string{
		"internal/access", "internal/authn", "internal/authz",
	}},
	{"web/api", "the JSON API for programs", []string{
		"web/transport", "internal/access", "internal/authn", "internal/authz", "internal/change", "internal/onboard", "internal/order",
		"internal/rollout", "internal/scenario",
	}},
	{"web/pages", "pages and forms, one file per noun", []string{
		"web/transport", "web/view", "internal/access", "internal/authn", "internal/authz", "internal/change", "internal/iam",
		"internal/onboard", "internal/rollout",
	}},
	{"web/view", "templ pages and components, their props, all URLs", []string{
		"internal/access", "internal/authz", "internal/iam", "internal/order", "internal/policy",
	}},
	{"web/webtest", "a console over fakes, with a test browser", []string{
		"web", "web/transport", "internal/access", "internal/authn", "internal/change", "internal/onboard",
		"internal/rollout",
	}},
	{"internal/access", "the domain: types, transitions that refuse, kinds of errors", nil},
	{"internal/access/accesstest", "generated states and fixtures for tests", []string{"internal/access"}},
	{"internal/cidr", "sets of networks", nil},
	{"internal/iam", "what a policy document says: parse, compare, merge, evaluate", []string{"internal/access", "internal/cidr"}},
	{"internal/judge", "a second policy evaluator with its own JSON reading", nil},
	{"internal/policy", "from mappings to documents; lint, findings, impact", []string{
		"internal/access", "internal/cidr", "internal/iam", "internal/order",
	}},
	{"internal/order", "the order of writes across accounts", []string{"internal/access", "internal/iam"}},
	{"internal/scenario", "state and documents as files: YAML, JSON, Terraform, CloudFormation", []string{
		"internal/access", "internal/iam", "internal/policy",
	}},
	{"internal/byhand", "a shell script that puts former documents back without the console", []string{
		"internal/access", "internal/iam", "internal/order",
	}},
	{"internal/planning", "from two states to operations; lock-out guards, review needs", []string{
		"internal/access", "internal/cidr", "internal/iam", "internal/order", "internal/policy",
	}},
	{"internal/onboard", "adopts documents that others have written", []string{
		"internal/access", "internal/cidr", "internal/iam", "internal/order", "internal/planning", "internal/policy",
	}},
	{"internal/authz", "who may do what", []string{"internal/access"}},
	{"internal/authn", "sign-in by password or OpenID Connect, sessions, people, API tokens", []string{
		"internal/access", "internal/authz",
	}},
	{"internal/audit", "signed checkpoints of the audit log, and its verification", []string{"internal/access"}},
	{"internal/change", "the service for drafts, reviews and applying", []string{
		"internal/access", "internal/authz", "internal/byhand", "internal/cidr", "internal/iam", "internal/jobs", "internal/onboard",
		"internal/planning", "internal/policy", "internal/scenario",
	}},
	{"internal/rollout", "the engine: claims, pushes, waves and their health, control, rollback", []string{
		"internal/access", "internal/authz", "internal/byhand", "internal/iam", "internal/jobs", "internal/lifetime", "internal/order",
	}},
	{"internal/drift", "reads the organization and its accounts, and compares them with the desired state", []string{
		"internal/access", "internal/authz", "internal/iam", "internal/jobs", "internal/order", "internal/policy",
	}},
	{"internal/jobs", "arguments of jobs", nil},
	{"internal/lifetime", "goroutines that end with their owner", []string{"internal/access"}},
	{"internal/store", "Postgres: rows, queries, transactions", []string{
		"internal/access", "internal/jobs", "internal/lifetime", "migrations",
	}},
	{"internal/store/embedded", "the private Postgres", []string{"internal/access"}},
	{"internal/store/storetest", "a separate database for each test", []string{
		"internal/access", "internal/store", "internal/store/embedded",
	}},
	{"internal/aws", "Organizations, STS and IAM through the SDK", []string{"internal/access"}},
	{"internal/aws/sandbox", "an AWS organization in memory that speaks the wire protocol", []string{
		"deploy", "internal/access", "internal/iam", "internal/judge",
	}},
	{"internal/telemetry", "metrics, traces, the memory limit", []string{"internal/access"}},
	{"internal/server", "the composition root: starts and stops everything", []string{anything}},
	{"migrations", "the schema as SQL, embedded", nil},
	{"deploy", "what the console needs in AWS: the template, the Terraform module, and their policies", nil},
	{"test/deps", "these rules", nil},
	{"test/docs", "tests of links, cited headings and paths in the documentation", nil},
	{"test/harness", "consoles, databases, sandboxes and browsers for tests from outside", []string{anything}},
	{"test/api", "tests of the HTTP API against a running console", []string{anything}},
	{"test/e2e", "tests in a browser", []string{anything}},
	{"test/hostile", "attacks by colleagues and strangers", []string{anything}},
	{"test/load", "benchmarks", []string{anything}},
	{"test/load/reference", "a minimal program to measure against", nil},
	{"test/fault", "tests that kill, freeze and mislead consoles", []string{anything}},
	{"test/sim", "simulated rollouts that prove the order of writes", []string{anything}},
	{"test/linear", "checks that several consoles act as one", []string{anything}},
}

// standardLibraryOnly are the packages that everything else rests on.
var standardLibraryOnly = []string{"internal/access", "internal/authz", "internal/jobs", "internal/judge"}

// pure packages compute from their arguments alone: no clock, randomness, I/O, logging or context.
var pure = []string{
	"internal/access", "internal/cidr", "internal/iam", "internal/judge", "internal/policy", "internal/scenario",
	"internal/order", "internal/byhand", "internal/planning", "internal/onboard",
}

// impure matches standard packages that a pure package must not import.
var impure = regexp.MustCompile(`^(context|log|log/slog|os|os/.*|net|net/http|net/http/.*|net/smtp|database/.*|syscall|` +
	`crypto/rand|math/rand|math/rand/v2|io/ioutil)$`)

// clock lists the functions of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// keptTo says which packages may import a third-party or standard package that must stay
// in its place; inTests lists the packages whose tests may import it too.
var keptTo = []struct {
	what    *regexp.Regexp
	by      []string
	inTests []string
}{
	{regexp.MustCompile(`^gorm\.io/`), []string{"internal/store", "test/load/reference"}, nil},
	{
		regexp.MustCompile(`^github\.com/aws/(aws-sdk-go-v2|smithy-go)(/|$)`),
		[]string{"internal/aws", "test/harness"},
		[]string{"internal/aws/sandbox", "internal/byhand", "test/load", "test/fault", "test/e2e"},
	},
	{
		regexp.MustCompile(`^github\.com/labstack/`),
		[]string{"web", "web/transport", "web/api", "web/pages", "test/load/reference"},
		nil,
	},
	{regexp.MustCompile(`^github\.com/a-h/templ`), []string{"web/pages", "web/view", "test/load/reference"}, nil},
	{
		regexp.MustCompile(`^github\.com/jackc/pgx/`),
		[]string{
			"internal/store", "internal/store/embedded", "internal/store/storetest", "internal/server", "internal/telemetry",
			"test/harness",
		},
		[]string{"internal/rollout", "test/fault"},
	},
	{
		regexp.MustCompile(`^github\.com/riverqueue/river`),
		[]string{"internal/store", "internal/server", "internal/telemetry", "internal/rollout", "internal/drift", "internal/change"},
		nil,
	},
	{regexp.MustCompile(`^(go\.opentelemetry\.io|github\.com/exaring/otelpgx)`), []string{"internal/telemetry"}, nil},
	{
		// HTTP is served by web and the sandbox, and spoken by authn (OpenID Connect), aws,
		// telemetry (OTLP) and the API client of the command line.
		regexp.MustCompile(`^net/(http|smtp)(/|$)`),
		[]string{
			"web", "web/transport", "web/api", "web/pages", "web/webtest", "internal/authn", "internal/aws", "internal/aws/sandbox",
			"internal/server", "internal/telemetry", "cmd/server", "test/harness", "test/load/reference",
		},
		[]string{anything},
	},
	{regexp.MustCompile(`^pgregory\.net/rapid`), []string{"internal/access/accesstest"}, []string{anything}},
	{
		regexp.MustCompile(`^testing(/|$)`),
		[]string{"internal/store/storetest", "web/webtest", "test/harness"},
		[]string{anything},
	},
}

// noNames are names that say nothing about the code in a package.
var noNames = []string{
	"util", "utils", "common", "helpers", "helper", "models", "types", "misc", "shared", "base",
}
