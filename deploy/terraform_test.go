package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// module reads the Terraform module: its policy documents, as Terraform makes them for the values of
// variables. It knows the part of the language that the module uses, and fails on anything else.
type module struct {
	t      *testing.T
	vars   map[string]string // "var.role_name", "local.iam", …
	tokens []string
	at     int
}

var lexeme = regexp.MustCompile(`#[^\n]*|"(?:\\.|[^"\\])*"|[A-Za-z_][A-Za-z0-9_-]*|[0-9]+|>=|[{}\[\]()=,.?:]|\S`)

// readModule returns the documents of the module by their names, as statements with their members.
func readModule(t *testing.T, vars map[string]string) map[string][]any {
	t.Helper()
	text, err := os.ReadFile("terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	m := &module{t: t, vars: vars}
	for _, found := range lexeme.FindAllString(string(text), -1) {
		if !strings.HasPrefix(found, "#") {
			m.tokens = append(m.tokens, found)
		}
	}
	documents := map[string][]any{}
	for m.at < len(m.tokens) {
		labels := m.header()
		switch {
		case labels[0] == "data" && labels[1] == "aws_iam_policy_document":
			documents[labels[2]] = m.statements()
		default:
			m.skipBlock()
		}
	}
	return documents
}

func (m *module) peek() string {
	if m.at >= len(m.tokens) {
		m.t.Fatal("main.tf ends within a block")
	}
	return m.tokens[m.at]
}

func (m *module) next() string {
	found := m.peek()
	m.at++
	return found
}

func (m *module) want(token string) {
	m.t.Helper()
	if got := m.next(); got != token {
		m.t.Fatalf("main.tf: %q in place of %q, before %v", got, token, m.tokens[m.at:min(m.at+8, len(m.tokens))])
	}
}

// header reads the type and the labels of a block, up to its brace.
func (m *module) header() []string {
	var labels []string
	for m.peek() != "{" {
		labels = append(labels, strings.Trim(m.next(), `"`))
	}
	m.want("{")
	return append(labels, "", "", "")
}

// skipBlock skips to the end of a block whose brace was read.
func (m *module) skipBlock() {
	for depth := 1; depth > 0; {
		switch m.next() {
		case "{":
			depth++
		case "}":
			depth--
		}
	}
}

func (m *module) statements() []any {
	var all []any
	for m.peek() != "}" {
		m.want("statement")
		m.want("{")
		all = append(all, m.statement())
	}
	m.want("}")
	return all
}

// members are the names that the members of a statement have in the document.
var memberNames = map[string]string{
	"sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction",
	"resources": "Resource",
}

func (m *module) statement() map[string]any {
	s := map[string]any{"Effect": "Allow"}
	for m.peek() != "}" {
		switch name := m.next(); name {
		case "principals":
			m.want("{")
			body := m.attributes()
			s["Principal"] = map[string]any{body["type"][0]: anys(body["identifiers"])}
		case "condition":
			m.want("{")
			addCondition(s, m.attributes())
		case "dynamic":
			m.dynamic(s)
		default:
			if memberNames[name] == "" {
				m.t.Fatalf("main.tf: a statement has %q, which this test does not know", name)
			}
			m.want("=")
			s[memberNames[name]] = anys(m.values())
		}
	}
	m.want("}")
	return s
}

func anys(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func addCondition(s map[string]any, body map[string][]string) {
	conditions, _ := s["Condition"].(map[string]any)
	if conditions == nil {
		conditions = map[string]any{}
		s["Condition"] = conditions
	}
	keys, _ := conditions[body["test"][0]].(map[string]any)
	if keys == nil {
		keys = map[string]any{}
		conditions[body["test"][0]] = keys
	}
	keys[body["variable"][0]] = anys(body["values"])
}

// dynamic reads a condition that is there for each value of a list.
func (m *module) dynamic(s map[string]any) {
	m.want(`"condition"`)
	m.want("{")
	m.want("for_each")
	m.want("=")
	each := m.values()
	m.want("content")
	m.want("{")
	begin := m.at
	for _, value := range each {
		m.at, m.vars["condition.value"] = begin, value
		addCondition(s, m.attributes())
	}
	if len(each) == 0 {
		m.skipBlock()
	}
	m.want("}")
}

// attributes reads the attributes of a block whose brace was read, with the closing brace.
func (m *module) attributes() map[string][]string {
	found := map[string][]string{}
	for m.peek() != "}" {
		name := m.next()
		m.want("=")
		found[name] = m.values()
	}
	m.want("}")
	return found
}

// values reads a text, a reference, a list of them, or a choice between two lists.
func (m *module) values() []string {
	if m.peek() == "[" {
		return m.list()
	}
	first := m.text()
	if m.peek() != "?" {
		return []string{first}
	}
	m.want("?")
	yes := m.list()
	m.want(":")
	no := m.list()
	if first == "true" {
		return yes
	}
	return no
}

func (m *module) list() []string {
	m.want("[")
	var all []string
	for m.peek() != "]" {
		all = append(all, m.text())
		if m.peek() == "," {
			m.next()
		}
	}
	m.want("]")
	return all
}

var interpolation = regexp.MustCompile(`\$?\$\{[^}]*\}`)

func (m *module) text() string {
	found := m.next()
	if !strings.HasPrefix(found, `"`) {
		for m.peek() == "." {
			found += m.next() + m.next()
		}
		return m.variable(found)
	}
	return interpolation.ReplaceAllStringFunc(strings.Trim(found, `"`), func(part string) string {
		if strings.HasPrefix(part, "$$") { // an escape: the text itself
			return part[1:]
		}
		return m.variable(part[2 : len(part)-1])
	})
}

func (m *module) variable(name string) string {
	value, known := m.vars[name]
	if !known {
		m.t.Fatalf("main.tf refers to %s, which this test does not know", name)
	}
	return value
}

// terraformVariables are the references of the module for the parameters of a stack.
func terraformVariables(boundary bool) map[string]string {
	iam := fmt.Sprintf("arn:aws:iam::%s", account)
	return map[string]string{
		"local.account": account, "local.iam": iam, "local.console_account": console,
		"data.aws_partition.this.partition": "aws",
		"aws_iam_policy.boundary.arn":       iam + ":policy/portcullis-user-boundary",
		"var.console_principal_arn":         principal, "var.organization_id": organization,
		"var.external_id": externalID,
		"var.role_name":   "PortcullisDeploy", "var.managed_roles": "*", "var.require_boundary": fmt.Sprint(boundary),
	}
}
