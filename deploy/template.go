package deploy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// template is a parsed CloudFormation template.
type template struct {
	root     ast.Node
	defaults map[string]string // of parameters
}

func parseTemplate(text []byte) (*template, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("stackset.yaml: %w", err)
	}
	t := &template{root: f.Docs[0].Body, defaults: map[string]string{}}
	for _, p := range members(member(t.root, "Parameters")) {
		if d := member(p.Value, "Default"); d != nil {
			t.defaults[keyOf(p)] = textOf(d)
		}
	}
	return t, nil
}

// members lists the members of a mapping. The parser has another node for a mapping with one member.
func members(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	default:
		return nil
	}
}

func member(n ast.Node, key string) ast.Node {
	for _, m := range members(n) {
		if keyOf(m) == key {
			return m.Value
		}
	}
	return nil
}

func keyOf(m *ast.MappingValueNode) string { return textOf(m.Key) }

func textOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	default:
		return n.GetToken().Value
	}
}

// noValue is AWS::NoValue: the member that has it is left out.
type noValue struct{}

// resolver computes the functions of a template for one stack.
type resolver struct {
	*template
	p    Parameters
	vars map[string]string
}

func (t *template) resolver(p Parameters) *resolver {
	r := &resolver{template: t, p: p, vars: map[string]string{
		"AWS::Partition": p.Partition, "AWS::AccountId": p.Account, "ConsolePrincipalArn": p.ConsolePrincipal,
		"OrganizationId": p.OrganizationID, "ExternalId": p.ExternalID, "RoleName": p.RoleName,
		"ManagedRoles":    p.ManagedRoles,
		"RequireBoundary": strconv.FormatBool(!p.WithoutBoundary),
	}}
	for name, value := range t.defaults {
		if r.vars[name] == "" {
			r.vars[name] = value
		}
	}
	name := member(member(member(member(t.root, "Resources"), "UserBoundary"), "Properties"), "ManagedPolicyName")
	r.vars["UserBoundary"] = fmt.Sprintf("arn:%s:iam::%s:policy/%s", p.Partition, p.Account, textOf(name))
	return r
}

func (r *resolver) boundaryARN() string { return r.vars["UserBoundary"] }

// properties returns the properties of a resource.
func (r *resolver) properties(resource string) (map[string]any, error) {
	value, err := r.resolve(member(member(member(r.root, "Resources"), resource), "Properties"))
	if err != nil {
		return nil, fmt.Errorf("stackset.yaml: resource %s: %w", resource, err)
	}
	properties, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("stackset.yaml: resource %s has no properties", resource)
	}
	return properties, nil
}

func (r *resolver) resolve(n ast.Node) (any, error) {
	switch n := n.(type) {
	case *ast.TagNode:
		return r.call(n.Start.Value, n.Value)
	case *ast.MappingNode, *ast.MappingValueNode:
		out := map[string]any{}
		for _, m := range members(n) {
			value, err := r.resolve(m.Value)
			if err != nil {
				return nil, err
			}
			if value != (noValue{}) {
				out[keyOf(m)] = value
			}
		}
		return out, nil
	case *ast.SequenceNode:
		return r.list(n)
	case nil:
		return nil, fmt.Errorf("a value is missing")
	default:
		return textOf(n), nil
	}
}

func (r *resolver) list(n *ast.SequenceNode) ([]any, error) {
	out := []any{}
	for _, item := range n.Values {
		value, err := r.resolve(item)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// call computes a function of CloudFormation.
func (r *resolver) call(function string, arg ast.Node) (any, error) {
	if function == "!If" {
		return r.choose(arg)
	}
	value, err := r.resolve(arg)
	if err != nil {
		return nil, err
	}
	args, _ := value.([]any)
	switch {
	case function == "!Ref":
		return r.ref(fmt.Sprint(value))
	case function == "!Sub" && args == nil:
		return r.substitute(fmt.Sprint(value), nil)
	case function == "!Sub" && len(args) == 2:
		more, _ := args[1].(map[string]any)
		return r.substitute(fmt.Sprint(args[0]), more)
	case function == "!Split" && len(args) == 2:
		var parts []any
		for part := range strings.SplitSeq(fmt.Sprint(args[1]), fmt.Sprint(args[0])) {
			parts = append(parts, part)
		}
		return parts, nil
	case function == "!Select" && len(args) == 2:
		list, _ := args[1].([]any)
		i, err := strconv.Atoi(fmt.Sprint(args[0]))
		if err != nil || i < 0 || i >= len(list) {
			return nil, fmt.Errorf("!Select has no item %v", args[0])
		}
		return list[i], nil
	default:
		return nil, fmt.Errorf("the function %s is not known here", function)
	}
}

func (r *resolver) ref(name string) (any, error) {
	value, known := r.vars[name]
	switch {
	case name == "AWS::NoValue", name == "ExternalId" && value == "":
		return noValue{}, nil
	case !known:
		return nil, fmt.Errorf("!Ref %s names nothing", name)
	default:
		return value, nil
	}
}

var (
	variable = regexp.MustCompile(`\$\{[^!}][^}]*\}`)
	literal  = strings.NewReplacer("${!", "${") // ${!x} is the text ${x}
)

// substitute puts values in place of ${Name}.
func (r *resolver) substitute(text string, more map[string]any) (string, error) {
	var unknown error
	out := variable.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		if value, ok := more[name]; ok {
			return fmt.Sprint(value)
		}
		value, ok := r.vars[name]
		if !ok {
			unknown = fmt.Errorf("!Sub names %s, which is nothing", name)
		}
		return value
	})
	return literal.Replace(out), unknown
}

// choose is !If with the name of a condition, which compares two values.
func (r *resolver) choose(arg ast.Node) (any, error) {
	list, ok := arg.(*ast.SequenceNode)
	if !ok || len(list.Values) != 3 {
		return nil, fmt.Errorf("!If needs a condition and two values")
	}
	name := textOf(list.Values[0])
	condition, ok := member(member(r.root, "Conditions"), name).(*ast.TagNode)
	if !ok || condition.Start.Value != "!Equals" {
		return nil, fmt.Errorf("the condition %s is no !Equals", name)
	}
	compared, err := r.resolve(condition.Value)
	if err != nil {
		return nil, err
	}
	pair, _ := compared.([]any)
	if len(pair) != 2 {
		return nil, fmt.Errorf("the condition %s does not compare two values", name)
	}
	if pair[0] == pair[1] {
		return r.resolve(list.Values[1])
	}
	return r.resolve(list.Values[2])
}
