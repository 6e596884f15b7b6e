package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"portcullis.internal/portcullis/internal/access"
)

// maxScenario bounds what is parsed at all.
const maxScenario = 32 << 20

// maxNesting bounds how deep brackets nest; a scenario needs five levels. The YAML
// parser is recursive.
const maxNesting = 64

// parseYAML returns the root of the one document in data.
func parseYAML(data []byte, file string) (root ast.Node, err error) {
	if len(data) > maxScenario {
		return nil, access.Errorf(access.KindInvalid, "%s: the file has %d bytes; at most %d are read", file, len(data), maxScenario)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin a file with it
	if line, what := notText(data); line > 0 {
		return nil, access.Errorf(access.KindInvalid, "%s:%d: %s; save the file as plain text in UTF-8", file, line, what)
	}
	if line := tooDeep(data); line > 0 {
		return nil, access.Errorf(access.KindInvalid, "%s:%d: brackets are nested more than %d deep; a scenario needs five levels", file, line, maxNesting)
	}
	if json.Valid(data) {
		// JSON may be indented with tabs, which YAML refuses. Within JSON's strings there
		// are none.
		data = []byte(strings.ReplaceAll(string(data), "\t", " "))
	}
	defer func() {
		// A file that trips up the parser is a bad file, not a reason to die.
		if p := recover(); p != nil {
			root, err = nil, access.Errorf(access.KindInvalid, "%s:1: the file is not valid YAML; correct it", file)
		}
	}()
	// The reader refuses duplicate keys with its own message.
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(err, file)
	}
	var docs []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil {
			docs = append(docs, d.Body)
		}
	}
	switch len(docs) {
	case 0:
		return nil, access.Errorf(access.KindInvalid, "%s:1: the file is empty; a scenario has accounts, allowlists and mappings", file)
	case 1:
		return docs[0], nil
	default:
		return nil, access.Errorf(access.KindInvalid, "%s:%d: a second document begins here; a scenario is one document", file, lineOf(docs[1]))
	}
}

// notText returns the first line that holds what no scenario does, and what it is; 0 if
// none does. Bytes that are no UTF-8 would otherwise be read as another name.
func notText(data []byte) (line int, what string) {
	line = 1
	for rest := data; len(rest) > 0; {
		c, size := utf8.DecodeRune(rest)
		switch {
		case c == utf8.RuneError && size == 1:
			return line, "this is not UTF-8"
		case c == '\n':
			line++
		case c < ' ' && c != '\t' && c != '\r', c == '\x7f':
			return line, fmt.Sprintf("there is a control character (%U) here", c)
		}
		rest = rest[size:]
	}
	return 0, ""
}

// tooDeep returns the line on which brackets or indentation nest too deep, 0 if none
// does. Brackets within strings count too, which a real scenario never notices.
func tooDeep(data []byte) int {
	depth, line, indent, atStart := 0, 1, 0, true
	for _, c := range data {
		switch c {
		case '\n':
			line++
			indent, atStart = 0, true
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case ' ', '-', '?':
			if atStart {
				indent++
			}
		}
		if c != ' ' && c != '-' && c != '?' {
			atStart = false
		}
		if depth > maxNesting || indent > 4*maxNesting {
			return line
		}
	}
	return 0
}

func syntaxError(err error, file string) error {
	line := 1
	message := "the file is not valid YAML"
	var y yaml.Error
	if errors.As(err, &y) {
		if t := y.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		message += ": " + y.GetMessage()
	}
	return access.Errorf(access.KindInvalid, "%s:%d: %s; correct the syntax there", file, line, message)
}

func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0]
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

// field reads the value of one key.
type field func(ast.Node) error

// yamlReader reads nodes and makes errors that say where.
type yamlReader struct{ file string }

func (r *yamlReader) position(n ast.Node) string { return r.file + ":" + strconv.Itoa(lineOf(n)) }

func (r *yamlReader) errorf(n ast.Node, format string, args ...any) error {
	return r.errorAt(lineOf(n), format, args...)
}

func (r *yamlReader) errorAt(line int, format string, args ...any) error {
	return access.Errorf(access.KindInvalid, "%s:%d: %s", r.file, line, fmt.Sprintf(format, args...))
}

// wrap puts the position before a domain error; errors that have one are left alone.
func (r *yamlReader) wrap(n ast.Node, err error) error {
	if err == nil {
		return nil
	}
	fields := access.FieldsOf(err)
	if len(fields) == 0 {
		if strings.HasPrefix(access.MessageOf(err), r.file+":") {
			return err
		}
		return r.errorf(n, "%s", access.MessageOf(err))
	}
	messages := make([]string, len(fields))
	for i, f := range fields {
		messages[i] = f.Message
	}
	return r.errorf(n, "%s", strings.Join(messages, "; "))
}

func isObject(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	default:
		return false
	}
}

// object reads an object, refusing unknown and repeated keys.
func (r *yamlReader) object(n ast.Node, what string, fields map[string]field) error {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return r.wants(n, "%s has to be an object with the keys %s", what, keyList(fields))
	}
	seen := map[string]int{}
	for _, v := range values {
		key, err := r.text(v.Key)
		if err != nil {
			return err
		}
		read, ok := fields[key]
		if !ok {
			return r.errorf(v.Key, "%s has no key %q; its keys are %s", what, key, keyList(fields))
		}
		if line, twice := seen[key]; twice {
			return r.errorf(v.Key, "the key %q stands here a second time (first on line %d); remove one", key, line)
		}
		seen[key] = lineOf(v.Key)
		if err := read(v.Value); err != nil {
			return err
		}
	}
	return nil
}

func keyList(fields map[string]field) string {
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// list reads every element of a list; no value at all is an empty list.
func (r *yamlReader) list(each field) field {
	return func(n ast.Node) error {
		switch s := n.(type) {
		case *ast.NullNode:
			return nil
		case *ast.SequenceNode:
			for _, it := range s.Values {
				if err := each(it); err != nil {
					return err
				}
			}
			return nil
		default:
			return r.wants(n, "a list is wanted here; begin each element with a dash, or write [a, b]")
		}
	}
}

// text reads a plain value as it was written.
func (r *yamlReader) text(n ast.Node) (string, error) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, nil
	case *ast.LiteralNode:
		return s.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(n.GetToken().Value), nil
	default:
		return "", r.wants(n, "a single value is wanted here")
	}
}

// wants says what belongs here. Where it may be the right thing under a name of YAML's,
// it is the name that is in the way.
func (r *yamlReader) wants(n ast.Node, format string, args ...any) error {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return r.errorf(n, "anchors, aliases and tags are not understood here; write the value out")
	default:
		return r.errorf(n, format, args...)
	}
}

func (r *yamlReader) intoText(into *string) field {
	return func(n ast.Node) error {
		s, err := r.text(n)
		*into = s
		return err
	}
}

func (r *yamlReader) intoTexts(into *[]string) field {
	return r.list(func(n ast.Node) error {
		s, err := r.text(n)
		*into = append(*into, s)
		return err
	})
}

func (r *yamlReader) intoBool(into *bool) field {
	return func(n ast.Node) error {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			return r.wants(n, "true or false is wanted here")
		}
		*into = b.Value
		return nil
	}
}

func (r *yamlReader) intoTime(into *time.Time) field {
	return func(n ast.Node) error {
		s, err := r.text(n)
		if err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return r.errorf(n, "%q is not a time; write it as 2027-01-01T00:00:00Z", s)
		}
		*into = t.UTC()
		return nil
	}
}

func (r *yamlReader) intoDuration(into *time.Duration) field {
	return func(n ast.Node) error {
		s, err := r.text(n)
		if err != nil {
			return err
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < time.Second {
			return r.errorf(n, "%q is not a length of time; write it as 1h or 30m, at least 1s", s)
		}
		*into = d
		return nil
	}
}

func (r *yamlReader) oneOf(n ast.Node, into *string, values ...string) error {
	s, err := r.text(n)
	if err != nil {
		return err
	}
	if !slices.Contains(values, s) {
		return r.errorf(n, "%q is not known here; write %s", s, strings.Join(values, " or "))
	}
	*into = s
	return nil
}

func (r *yamlReader) intoTags(into *map[string]string) field {
	return func(n ast.Node) error {
		var values []*ast.MappingValueNode
		switch m := n.(type) {
		case *ast.NullNode:
			return nil
		case *ast.MappingNode:
			values = m.Values
		case *ast.MappingValueNode:
			values = []*ast.MappingValueNode{m}
		default:
			return r.wants(n, "tags are written as {key: value}")
		}
		for _, v := range values {
			key, err := r.text(v.Key)
			if err != nil {
				return err
			}
			if _, twice := (*into)[key]; twice {
				return r.errorf(v.Key, "the tag %q stands here a second time; remove one", key)
			}
			value, err := r.text(v.Value)
			if err != nil {
				return err
			}
			if *into == nil {
				*into = map[string]string{}
			}
			(*into)[key] = value
		}
		return nil
	}
}
