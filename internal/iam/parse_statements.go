package iam

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// ParseStatements reads a JSON list of statements as Ours returns it; "" is an empty
// list. It refuses what Portcullis would never have written, so that a plan that was
// tampered with or damaged is not carried out.
func ParseStatements(list string) ([]Statement, error) {
	if list == "" {
		return nil, nil
	}
	v, err := parseJSON(list)
	if err != nil || v.kind != '[' || v.hasDuplicates() {
		return nil, access.Errorf(access.KindInvalid, "our statements are not a JSON list of statements")
	}
	ss := make([]Statement, 0, len(v.items))
	for i, it := range v.items {
		s, err := parseStatement(it)
		if err != nil {
			return nil, access.Wrap(access.KindInvalid, err, "statement %d of ours cannot be read", i+1)
		}
		ss = append(ss, s)
	}
	return ss, nil
}

func parseStatement(v value) (Statement, error) {
	var s Statement
	var err error
	for _, m := range v.members {
		switch m.key {
		case "Sid":
			s.Sid = m.value.text
		case "Effect":
			s.Effect = m.value.text
		case "Principal":
			s.Principals, err = parsePrincipals(m.value)
		case "Action":
			s.Actions, err = texts(m.value)
		case "Resource":
			s.Resources, err = texts(m.value)
		case "Condition":
			s.Conditions, err = parseConditions(m.value)
		default:
			err = fmt.Errorf("unexpected element %q", m.key)
		}
		if err != nil {
			return Statement{}, err
		}
	}
	return s, s.complete()
}

// complete refuses a statement that is not of the kind that Portcullis writes.
func (s Statement) complete() error {
	switch {
	case len(s.Sid) < len(SidPrefix) || s.Sid[:len(SidPrefix)] != SidPrefix:
		return fmt.Errorf("the Sid %q does not begin with %s", s.Sid, SidPrefix)
	case s.Effect != EffectAllow && s.Effect != EffectDeny:
		return fmt.Errorf("the Effect %q is neither Allow nor Deny", s.Effect)
	case len(s.Actions) == 0:
		return fmt.Errorf("the statement %s has no Action", s.Sid)
	default:
		return nil
	}
}

func parsePrincipals(v value) ([]string, error) {
	if len(v.members) != 1 || v.members[0].key != "AWS" {
		return nil, fmt.Errorf("the Principal is not of the form {\"AWS\": …}")
	}
	return texts(v.members[0].value)
}

func parseConditions(v value) ([]Condition, error) {
	if v.kind != '{' {
		return nil, fmt.Errorf("the Condition is not an object")
	}
	var cs []Condition
	for _, operator := range v.members {
		for _, key := range operator.value.members {
			values, err := texts(key.value)
			if err != nil {
				return nil, err
			}
			cs = append(cs, NewCondition(operator.key, key.key, values...))
		}
	}
	return cs, nil
}

// texts reads a string or a list of strings.
func texts(v value) ([]string, error) {
	var out []string
	for _, it := range v.list() {
		if it.kind != '"' {
			return nil, fmt.Errorf("%s is not a string", it.raw)
		}
		out = append(out, it.text)
	}
	return out, nil
}
