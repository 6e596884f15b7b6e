package api_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

var updateReference = flag.Bool("update-reference", false, "write docs/api-reference.md anew")

const referencePath = "../../docs/api-reference.md"

// TestReference holds docs/api-reference.md against the description of the API that it is
// made from. "make generate" writes it.
func TestReference(t *testing.T) {
	c := webtest.New(t)
	r := reference{needs: map[string]string{}}
	if err := json.Unmarshal([]byte(c.Get("/api/v1/openapi.json").Body), &r.doc); err != nil {
		t.Fatal(err)
	}
	for _, route := range c.Routes {
		if path, api := strings.CutPrefix(route.Path, "/api/v1"); api {
			r.needs[route.Method+" "+parameters.ReplaceAllString(path, "{}")] = string(route.Permission)
		}
	}
	want := r.write()
	rows := 0
	for row := range strings.Lines(want) {
		if method, _, ok := strings.Cut(strings.TrimPrefix(row, "| `"), " "); ok && slices.Contains([]string{"GET", "POST", "PUT", "DELETE", "PATCH"}, method) {
			rows++
		}
	}
	if rows != len(r.needs) {
		t.Errorf("%d requests are in the reference, and there are %d; has each a tag that 1-about.yaml lists?", rows, len(r.needs))
	}
	if *updateReference {
		if err := os.WriteFile(referencePath, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(referencePath); err != nil || string(got) != want {
		t.Errorf("%s is not what web/openapi describes (%v); make it anew with: make generate", referencePath, err)
	}
}

type object = map[string]any

// reference writes the description of the API as tables.
type reference struct {
	doc   object
	needs map[string]string // permission by method and path
	b     strings.Builder
}

func (r *reference) write() string {
	r.line("# Reference of the HTTP API\n\nMade from [web/openapi](../web/openapi) by `make generate`; [api.md](api.md) says how it all fits together. Paths are below `/api/v1`.\nA permission is what the person's roles have to give, and the token's scopes. A field in bold is always there, or has to be.")
	tags, _ := r.doc["tags"].([]any)
	for _, tag := range tags {
		name := text(tag, "name")
		r.line("\n## %s\n\n%s\n\n| request | permission | what it does | takes | answers |\n|---|---|---|---|---|", name, text(tag, "description"))
		r.operations(name)
	}
	r.line("\n## Objects")
	schemas := r.at("#/components/schemas")
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		r.schema(name, schemas[name])
	}
	return r.b.String()
}

func (r *reference) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

func (r *reference) operations(tag string) {
	paths, _ := r.doc["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		methods, _ := paths[path].(object)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			op, _ := methods[method].(object)
			if tags, _ := op["tags"].([]any); !slices.Contains(tags, any(tag)) {
				continue
			}
			key := strings.ToUpper(method) + " " + path
			need := cmp.Or(r.needs[parameters.ReplaceAllString(key, "{}")], "none")
			r.line("| `%s` | %s | %s | %s | %s |", key, strings.ReplaceAll(need, "_", " "), cell(text(op, "summary")+" "+text(op, "description")), cell(r.takes(op)), cell(r.answers(op)))
		}
	}
}

func (r *reference) takes(op object) string {
	var parts []string
	list, _ := op["parameters"].([]any)
	for _, one := range list {
		p := r.follow(one)
		switch in, name := text(p, "in"), text(p, "name"); in {
		case "query":
			parts = append(parts, fmt.Sprintf("`%s` %s", name, text(p, "description")))
		case "header":
			parts = append(parts, fmt.Sprintf("header `%s`", name))
		}
	}
	if body := r.follow(op["requestBody"]); body != nil {
		parts = append(parts, "body: "+r.content(body))
	}
	return strings.Join(parts, "; ")
}

func (r *reference) answers(op object) string {
	var parts []string
	responses, _ := op["responses"].(object)
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if status < "300" {
			parts = append(parts, status+" "+r.content(r.follow(responses[status])))
		}
	}
	return strings.Join(parts, "; ")
}

func (r *reference) content(o object) string {
	var kinds []string
	content, _ := o["content"].(object)
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		media, _ := content[kind].(object)
		kinds = append(kinds, cmp.Or(r.shape(media["schema"]), kind))
	}
	return strings.Join(slices.Compact(kinds), " or ")
}

// schema lists the fields of an object. What is no object is only named where it stands.
func (r *reference) schema(name string, s any) {
	fields, _ := r.follow(s)["properties"].(object)
	if len(fields) == 0 {
		return
	}
	r.line("\n### %s\n", name)
	if said := text(s, "description"); said != "" {
		r.line("%s\n", cell(said))
	}
	r.line("| field | type | |\n|---|---|---|")
	required, _ := r.follow(s)["required"].([]any)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		shown := "`" + field + "`"
		if slices.Contains(required, any(field)) {
			shown = "**" + shown + "**"
		}
		r.line("| %s | %s | %s |", shown, r.shape(fields[field]), cell(text(fields[field], "description")))
	}
}

// shape says in a word or two what a value is.
func (r *reference) shape(s any) string {
	o, _ := s.(object)
	if ref := text(o, "$ref"); ref != "" {
		name := ref[strings.LastIndex(ref, "/")+1:]
		if r.follow(o)["properties"] == nil {
			return r.shape(r.follow(o))
		}
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	if values, ok := o["enum"].([]any); ok {
		return cell(strings.Trim(fmt.Sprint(values), "[]"))
	}
	switch kind := o["type"].(type) {
	case string:
		if kind == "array" {
			return "list of " + cmp.Or(r.shape(o["items"]), "anything")
		}
		return cmp.Or(text(o, "format"), kind)
	case []any:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(kind), "[]"), " ", " or ")
	}
	for _, several := range []string{"oneOf", "anyOf", "allOf"} {
		if of, ok := o[several].([]any); ok && len(of) > 0 {
			var shapes []string
			for _, one := range of {
				shapes = append(shapes, cmp.Or(r.shape(one), "anything"))
			}
			return strings.Join(slices.Compact(shapes), " or ")
		}
	}
	return ""
}

// at returns what stands at a place of the description.
func (r *reference) at(ref string) object {
	here := r.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		here, _ = here[part].(object)
	}
	return here
}

func (r *reference) follow(v any) object {
	o, _ := v.(object)
	if ref := text(o, "$ref"); ref != "" {
		return r.at(ref)
	}
	return o
}

func text(v any, name string) string {
	o, _ := v.(object)
	s, _ := o[name].(string)
	return s
}

// cell makes a text one that stands in a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
