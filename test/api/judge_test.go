package api

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"portcullis.internal/portcullis/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// judge holds the console to its own description.
type judge struct {
	t          *testing.T
	base       string
	doc        map[string]any
	compiler   *jsonschema.Compiler
	schemas    map[string]*jsonschema.Schema
	tokens     map[string]string // beside those of the demo's people
	operations []operation
	answered   map[string]bool // "getChange 200"
	networks   int             // let in so far, each by a change of its own
}

// operation is one that the description documents.
type operation struct {
	method, path, id string
	at               string // where it stands, as a JSON pointer
	statuses         []string
	open             bool // needs no token
}

const described = "http://console/openapi.json"

func newJudge(t *testing.T, c *harness.Console) *judge {
	t.Helper()
	resp, err := http.Get(c.URL() + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parsed, err := jsonschema.UnmarshalJSON(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := parsed.(map[string]any)
	if version, _ := doc["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		t.Fatalf("openapi is %q, want 3.1", version)
	}
	j := &judge{
		t: t, base: c.URL() + "/api/v1", doc: doc, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{},
		answered: map[string]bool{"getDescription 200": true}, tokens: map[string]string{},
	}
	j.compiler.DefaultDraft(jsonschema.Draft2020) // what OpenAPI 3.1 speaks
	j.compiler.AssertFormat()
	if err := j.compiler.AddResource(described, doc); err != nil {
		t.Fatal(err)
	}
	for name := range j.object("/components/schemas") {
		j.schema("/components/schemas/" + name) // each of them is one
	}
	j.listOperations()
	return j
}

// object returns what stands at a place of the description, references followed.
func (j *judge) object(at string) map[string]any {
	j.t.Helper()
	var here any = j.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(at, "/"), "/") {
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	m, _ := here.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return j.object(strings.TrimPrefix(ref, "#"))
	}
	return m
}

// where returns the place itself that a place of the description refers to.
func (j *judge) where(at string) string {
	parent, last := at[:strings.LastIndex(at, "/")], at[strings.LastIndex(at, "/")+1:]
	m, _ := j.object(parent)[strings.ReplaceAll(last, "~1", "/")].(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return strings.TrimPrefix(ref, "#")
	}
	return at
}

func (j *judge) schema(at string) *jsonschema.Schema {
	j.t.Helper()
	if known, ok := j.schemas[at]; ok {
		return known
	}
	s, err := j.compiler.Compile(described + "#" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at))
	if err != nil {
		j.t.Fatalf("the schema at %s: %v", at, err)
	}
	j.schemas[at] = s
	return s
}

func (j *judge) listOperations() {
	j.t.Helper()
	for path := range j.object("/paths") {
		at := "/paths/" + strings.ReplaceAll(path, "/", "~1")
		for method := range j.object(at) {
			op := j.object(at + "/" + method)
			one := operation{method: strings.ToUpper(method), path: path, at: at + "/" + method}
			one.id, _ = op["operationId"].(string)
			security, set := op["security"].([]any)
			one.open = set && len(security) == 0
			for status := range j.object(one.at + "/responses") {
				one.statuses = append(one.statuses, status)
			}
			j.operations = append(j.operations, one)
		}
	}
	slices.SortFunc(j.operations, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(j.operations) < 30 {
		j.t.Fatalf("the description has %d operations; it is read wrongly", len(j.operations))
	}
}

// answer is what the console said.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// send sends a request with somebody's token and judges the answer. A request that the
// console takes has to be as the description says, too.
func (j *judge) send(who, method, path, body string, header ...string) answer {
	j.t.Helper()
	r := j.request(who, method, path, body, header...)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{t: j.t, what: method + " " + path + " as " + who, status: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		j.t.Fatal(err)
	}
	op := j.note(method, strings.SplitN(path, "?", 2)[0], resp.StatusCode)
	j.check(op, a)
	if a.status < 300 {
		j.checkRequest(op, r, body)
	}
	return a
}

func (j *judge) request(who, method, path, body string, header ...string) *http.Request {
	j.t.Helper()
	r, err := http.NewRequestWithContext(j.t.Context(), method, j.base+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	switch token, own := j.tokens[who]; {
	case own:
		r.Header.Set("Authorization", "Bearer "+token)
	case who != "":
		r.Header.Set("Authorization", "Bearer portcullis-demo-"+who)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// check judges an answer: its status, its headers, the kind of its body, and the body.
func (j *judge) check(op operation, a answer) {
	j.t.Helper()
	at := j.where(fmt.Sprintf("%s/responses/%d", op.at, a.status))
	response := j.object(at)
	if response == nil {
		j.t.Errorf("%s answers %d, which is not described: %s", a.what, a.status, clip(a.body))
		return
	}
	for name := range j.object(at + "/headers") {
		if a.header.Get(name) == "" {
			j.t.Errorf("%s answers %d without %s", a.what, a.status, name)
		}
	}
	content := j.object(at + "/content")
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case len(content) == 0 && len(a.body) > 0:
		j.t.Errorf("%s answers %d with a body that is not described: %s", a.what, a.status, clip(a.body))
	case len(content) > 0 && content[kind] == nil:
		j.t.Errorf("%s answers %d as %q, which is not described", a.what, a.status, kind)
	case strings.HasSuffix(kind, "json"):
		j.checkBody(at+"/content/"+strings.ReplaceAll(kind, "/", "~1")+"/schema", a.what+", answered", a.body)
	}
}

func (j *judge) checkBody(at, what string, body []byte) {
	j.t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		j.t.Errorf("%s: %v: %s", what, err, clip(body))
		return
	}
	if err := j.schema(at).Validate(value); err != nil {
		j.t.Errorf("%s, is not as described: %v\n%s", what, err, clip(body))
	}
}

// checkRequest judges a request that was taken: a parameter, header or body that the
// description does not know should not have been needed.
func (j *judge) checkRequest(op operation, r *http.Request, body string) {
	j.t.Helper()
	known := map[string]bool{}
	parameters, _ := j.object(op.at)["parameters"].([]any)
	for _, p := range parameters {
		one, _ := p.(map[string]any)
		if ref, ok := one["$ref"].(string); ok {
			one = j.object(strings.TrimPrefix(ref, "#"))
		}
		known[fmt.Sprint(one["in"], " ", one["name"])] = true
	}
	for name := range r.URL.Query() {
		if !known["query "+name] {
			j.t.Errorf("%s %s took the parameter %s, which is not described", r.Method, r.URL.Path, name)
		}
	}
	for _, name := range []string{"If-Match", "Idempotency-Key"} {
		if r.Header.Get(name) != "" && !known["header "+name] {
			j.t.Errorf("%s %s took %s, which is not described", r.Method, r.URL.Path, name)
		}
	}
	if body == "" && j.object(op.at + "/requestBody")["required"] == false {
		return
	}
	if content := j.object(op.at + "/requestBody/content"); content["application/json"] != nil {
		j.checkBody(op.at+"/requestBody/content/application~1json/schema", r.Method+" "+r.URL.Path+", asked", []byte(body))
	}
}

// note remembers which documented answer came.
func (j *judge) note(method, path string, status int) operation {
	j.t.Helper()
	best := -1
	for i, op := range j.operations {
		if op.method == method && matches(op.path, path) && (best < 0 || !strings.Contains(op.path, "{")) {
			best = i
		}
	}
	if best < 0 {
		j.t.Fatalf("%s %s is not described", method, path)
	}
	j.answered[fmt.Sprintf("%s %d", j.operations[best].id, status)] = true
	return j.operations[best]
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// wants fails unless every operation has given these kinds of answer at least once.
func (j *judge) wants(kinds ...string) {
	j.t.Helper()
	for _, op := range j.operations {
		for _, status := range op.statuses {
			if slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(status, k) }) && !j.answered[op.id+" "+status] {
				j.t.Errorf("%s %s (%s) was never answered %s; a documented answer that nobody has seen", op.method, op.path, op.id, status)
			}
		}
	}
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.what, a.status, status, clip(a.body))
	}
	return a
}

func clip(body []byte) string { return string(body[:min(len(body), 1000)]) }
