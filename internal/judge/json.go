package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Node is a JSON value. It keeps the order of an object's keys and the text of a number,
// so that a document can be written back without other changes.
type Node struct {
	Kind  byte     // '{' for an object, '[' for a list, '"' for a string, 0 for a number, true, false or null
	Text  string   // the value of a string, or the literal
	Keys  []string // of an object, each once
	Items []*Node  // of a list, or the values of an object in the order of Keys
}

// ReadJSON reads a text with exactly one JSON value. It refuses an object with the same
// key twice. Each error is a *SyntaxError with the code NotJSON.
func ReadJSON(text string) (*Node, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	n, err := readNode(dec)
	if err != nil {
		return nil, syntaxError(NotJSON, err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, syntaxError(NotJSON, "text after the document")
	}
	return n, nil
}

func readNode(dec *json.Decoder) (*Node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		return readItems(dec, &Node{Kind: byte(t)})
	case string:
		return &Node{Kind: '"', Text: t}, nil
	case nil:
		return &Node{Text: "null"}, nil
	default:
		return &Node{Text: fmt.Sprint(t)}, nil
	}
}

func readItems(dec *json.Decoder, n *Node) (*Node, error) {
	for dec.More() {
		if n.Kind == '{' {
			tok, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key, _ := tok.(string) // a key is always a string
			if n.Get(key) != nil {
				return nil, fmt.Errorf("duplicate key %q", key)
			}
			n.Keys = append(n.Keys, key)
		}
		item, err := readNode(dec)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	_, err := dec.Token() // the closing bracket
	return n, err
}

// Get returns the value of a key, nil if there is none.
func (n *Node) Get(key string) *Node {
	for i, k := range n.Keys {
		if k == key {
			return n.Items[i]
		}
	}
	return nil
}

// List returns the items of a list. Any other value is a list of one: policies may leave
// the brackets out.
func (n *Node) List() []*Node {
	if n.Kind == '[' {
		return n.Items
	}
	return []*Node{n}
}
