package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is a JSON value that keeps the order of its keys and its numbers as written, so
// that a document comes back as it was sent where IAM would not touch it.
type node struct {
	kind  byte   // '{' object, '[' list, '"' string, 0 anything else
	text  string // a string's value, or the literal
	keys  []string
	items []*node
}

func textNode(s string) *node { return &node{kind: '"', text: s} }

// parseJSON reads one value and refuses duplicate keys and whatever follows.
func parseJSON(s string) (*node, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	n, err := readNode(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return n, nil
}

func readNode(dec *json.Decoder) (*node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		return readItems(dec, &node{kind: byte(t)})
	case string:
		return textNode(t), nil
	case nil:
		return &node{text: "null"}, nil
	default:
		return &node{text: fmt.Sprint(t)}, nil
	}
}

func readItems(dec *json.Decoder, n *node) (*node, error) {
	for dec.More() {
		if n.kind == '{' {
			tok, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key, _ := tok.(string) // the decoder gives nothing else in this place
			if n.get(key) != nil {
				return nil, fmt.Errorf("the key %q is there twice", key)
			}
			n.keys = append(n.keys, key)
		}
		item, err := readNode(dec)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token() // the closing bracket
	return n, err
}

// get returns an object's member, nil when there is none.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k == key {
			return n.items[i]
		}
	}
	return nil
}

// list returns a list's items; anything else is a list of itself.
func (n *node) list() []*node {
	if n.kind == '[' {
		return n.items
	}
	return []*node{n}
}
