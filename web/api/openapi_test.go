package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

// parameters are the parts of a path that stand for something. Routes and description
// have names of their own for them.
var parameters = regexp.MustCompile(`:\w+|\{\w+\}`)

// TestTheDescriptionHasEveryRoute holds the OpenAPI document against the route table: a
// route that is not described fails, and so does a description of none.
func TestTheDescriptionHasEveryRoute(t *testing.T) {
	console := webtest.New(t)
	var doc struct {
		Paths map[string]map[string]struct {
			ID         string `json:"operationId"`
			Parameters []map[string]any
		}
	}
	if err := json.Unmarshal([]byte(console.Get("/api/v1/openapi.json").Body), &doc); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, methods := range doc.Paths {
		for method, operation := range methods {
			described = append(described, strings.ToUpper(method)+" "+parameters.ReplaceAllString(path, "{}"))
			if operation.ID == "" {
				t.Errorf("%s %s has no operationId", method, path)
			}
		}
	}
	var routes []string
	for _, r := range console.Routes {
		if path, api := strings.CutPrefix(r.Path, "/api/v1"); api {
			routes = append(routes, r.Method+" "+parameters.ReplaceAllString(path, "{}"))
		}
	}
	if len(routes) < 30 {
		t.Fatalf("found %d routes of the API; the test looks in the wrong place", len(routes))
	}
	for _, r := range routes {
		if !slices.Contains(described, r) {
			t.Errorf("web/openapi does not describe %s", r)
		}
	}
	for _, d := range described {
		if !slices.Contains(routes, d) {
			t.Errorf("web/openapi describes %s, and there is no such route", d)
		}
	}
}
