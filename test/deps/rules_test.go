package deps

import "regexp"

const module = "portcullis/"

// anything stands for every package of ours.
const anything = "*"

// mayImport says which packages of ours each package of ours may import. Tests may
// import more: what they need to set up a database or a sandbox.
var mayImport = map[string][]string{
	"cmd/server":               {"internal/server", "internal/scenario", "internal/policy", "internal/iam", "internal/access"},
	"internal/server":          {anything},
	"web":                      {"web/transport", "web/api", "web/pages", "web/view"},
	"web/transport":            {"internal/authn", "internal/authz", "internal/access"},
	"web/api":                  {"web/transport", "internal/change", "internal/rollout", "internal/authn", "internal/authz", "internal/access", "internal/scenario"},
	"web/pages":                {"web/transport", "web/view", "internal/change", "internal/rollout", "internal/authn", "internal/authz", "internal/access", "internal/iam"},
	"web/webtest":              {"web", "web/transport", "internal/change", "internal/rollout", "internal/authn", "internal/access"},
	"web/view":                 {"internal/access", "internal/authz", "internal/iam", "internal/policy"},
	"internal/access":          {},
	"internal/cidr":            {},
	"internal/iam":             {"internal/access", "internal/cidr"},
	"internal/policy":          {"internal/access", "internal/cidr", "internal/iam"},
	"internal/scenario":        {"internal/access", "internal/iam", "internal/policy"},
	"internal/authz":           {"internal/access"},
	"internal/authn":           {"internal/access", "internal/authz"},
	"internal/audit":           {"internal/access"},
	"internal/change":          {"internal/access", "internal/authz", "internal/cidr", "internal/iam", "internal/onboard", "internal/planning", "internal/policy", "internal/scenario", "internal/jobs"},
	"internal/judge":           {},
	"internal/onboard":         {"internal/access", "internal/cidr", "internal/iam", "internal/planning", "internal/policy"},
	"internal/planning":        {"internal/access", "internal/cidr", "internal/iam", "internal/policy"},
	"internal/lifetime":        {"internal/access"},
	"internal/rollout":         {"internal/access", "internal/authz", "internal/iam", "internal/jobs", "internal/lifetime"},
	"internal/drift":           {"internal/access", "internal/authz", "internal/policy", "internal/jobs"},
	"internal/jobs":            {},
	"internal/store":           {"internal/access", "internal/jobs", "internal/lifetime", "migrations"},
	"internal/store/embedded":  {"internal/access"},
	"internal/store/storetest": {"internal/access", "internal/store", "internal/store/embedded"},
	"internal/aws":             {"internal/access"},
	"internal/aws/sandbox":     {"internal/access", "internal/iam", "internal/judge"},
	"internal/telemetry":       {"internal/access"},
	"migrations":               {},
	"test/deps":                {},
	"test/harness":             {anything},
	"test/api":                 {anything},
	"test/e2e":                 {anything},
	"test/hostile":             {anything},
	"test/load":                {anything},
	"test/load/reference":      {},
	"test/fault":               {anything},

	"internal/access/accesstest": {"internal/access"},
}

// standardLibraryOnly are the packages that everything else rests on.
var standardLibraryOnly = []string{"internal/access", "internal/authz", "internal/jobs", "internal/judge"}

// keptTo says which packages may import what comes from elsewhere and is to stay in
// its place; inTests those whose tests may as well.
var keptTo = []struct {
	what    *regexp.Regexp
	by      []string
	inTests []string
}{
	{regexp.MustCompile(`^gorm\.io/`), []string{"internal/store", "test/load/reference"}, nil},
	{regexp.MustCompile(`^github\.com/aws/(aws-sdk-go-v2|smithy-go)(/|$)`), []string{"internal/aws", "test/harness"}, []string{"internal/aws/sandbox", "test/load", "test/fault", "test/e2e"}},
	{regexp.MustCompile(`^github\.com/labstack/`), []string{"web", "web/transport", "web/api", "web/pages", "test/load/reference"}, nil},
	{regexp.MustCompile(`^github\.com/a-h/templ`), []string{"web/pages", "web/view", "test/load/reference"}, nil},
	{regexp.MustCompile(`^github\.com/jackc/pgx/`), []string{"internal/store", "internal/store/embedded", "internal/store/storetest", "internal/server", "internal/telemetry", "test/harness"}, []string{"internal/rollout", "test/fault"}},
	{regexp.MustCompile(`^github\.com/riverqueue/river`), []string{"internal/store", "internal/server", "internal/telemetry", "internal/rollout", "internal/drift", "internal/change"}, nil},
	{regexp.MustCompile(`^(go\.opentelemetry\.io|github\.com/exaring/otelpgx)`), []string{"internal/telemetry"}, nil},
	{regexp.MustCompile(`^testing(/|$)`), []string{"internal/store/storetest", "web/webtest", "test/harness"}, []string{anything}},
}

// noNames are the names that say nothing about what is in a package.
var noNames = []string{"util", "utils", "common", "helpers", "helper", "models", "types", "misc", "shared", "base"}
