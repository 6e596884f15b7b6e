package api

import (
	"net/http"
	"regexp"
	"strings"

	"portcullis.internal/portcullis/test/harness"
)

// refuses sends every operation without a token, with one whose person may not, and for
// things that are not there.
func (j *judge) refuses() {
	nowhere := strings.NewReplacer("{id}", "99999", "{account}", "999999999999", "{allowlist}", "al-none", "{mapping}", "mp-none", "{wave}", "1").Replace
	for _, op := range j.operations {
		if op.open {
			continue
		}
		body, header := bodies[op.id], []string(nil)
		switch op.id {
		case "replaceChange":
			header = []string{"If-Match", `"1"`}
		case "importEntries":
			header = []string{"Content-Type", "text/csv"}
		}
		path := nowhere(op.path) + queries[op.id]
		j.send("", op.method, path, body, header...).want(401)
		j.send("nobody", op.method, path, body, header...).want(401)
		j.send(outsider(op), op.method, path, body, header...).want(403)
		switch {
		case op.id == "resetPassword": // of any person, by an API token
			j.send(insider(op), op.method, path, body, header...).want(403)
		case strings.Contains(op.path, "{"):
			j.send(insider(op), op.method, path, body, header...).want(404)
		}
	}
}

// bodies are what operations take that take something.
var bodies = map[string]string{
	"reviewChange":   `{"verdict":"approve","digest":"x"}`,
	"applyChange":    `{"digest":"x"}`,
	"scheduleChange": `{"digest":"x","at":"2099-01-01T02:00:00Z"}`,
	"commentChange":  `{"body":"x"}`,
	"replaceChange":  `{"title":"x"}`,
	"abortRollout":   `{"reason":"x"}`,
	"importEntries":  "entry\n9.9.9.9/32\n",

	"setMaxInFlight":            `{"max_in_flight":5}`,
	"overrideMaintenanceWindow": `{"reason":"x"}`,
	"rollBackRollout":           `{"reason":"x"}`,
	"openUnverifiedRoles":       `{"accounts":["999999999999"],"reason":"x"}`,
	"skipTarget":                `{"reason":"x"}`,
	"addPerson":                 `{"email":"x@example.com","name":"x","roles":["viewer"]}`,
	"editPerson":                `{"disabled":true}`,
}

// queries are the parameters without which an operation is refused for another reason.
var queries = map[string]string{
	"explain":       "?account=999999999999&role=Bob&user=alice&source_ip=8.8.8.8",
	"importEntries": "?mode=add",
	"exportAccount": "?format=terraform",
	"exportAudit":   "?format=csv",
}

// Two tokens of the admin, made on the page of tokens, whose scopes allow little.
const (
	readOnly    = "read only"
	rolloutOnly = "rollout only"
)

func (j *judge) makesTokens(c *harness.Console) {
	for name, scope := range map[string]string{readOnly: "read", rolloutOnly: "rollout"} {
		page := c.SignIn(harness.DemoPerson("admin")).Get("/tokens").Want(http.StatusOK)
		made := page.Form("/tokens").Fill("name", name).Fill("scopes", scope).Fill("expires", "7").Submit().Want(http.StatusCreated)
		secret := regexp.MustCompile(`portcullis_[\w-]{43}`).FindString(made.Text())
		if secret == "" {
			j.t.Fatalf("the page shows no token: %s", made)
		}
		j.tokens[name] = secret
	}
}

// outsider is somebody whose roles or whose token's scopes do not allow an operation.
func outsider(op operation) string {
	switch {
	case op.id == "listAudit" || op.id == "exportAudit" || strings.HasPrefix(op.path, "/people"):
		return "editor"
	case op.id == "commentChange":
		return readOnly
	case op.method == "GET":
		return rolloutOnly
	default:
		return "auditor"
	}
}

// insider is somebody whose roles allow it.
func insider(op operation) string {
	switch {
	case op.id == "reviewChange" || op.id == "withdrawReview" || op.id == "openUnverifiedRoles":
		return "approver"
	case op.id == "adoptEdit":
		return "editor"
	case op.id == "applyChange" || op.id == "scheduleChange" || op.id == "unscheduleChange" || strings.HasPrefix(op.path, "/rollouts") || strings.HasPrefix(op.path, "/findings"):
		return "operator"
	case strings.HasPrefix(op.path, "/people"):
		return "admin"
	default:
		return "editor"
	}
}
