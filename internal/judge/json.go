package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Node is a JSON value that keeps the order of its keys and its numbers as written, so
// that a document comes back as it was sent where IAM would not touch it.
type Node struct {
	Kind  byte   // '{' object, '[' list, '"' string, 0 anything else
	Text  string // a string's value, or the literal
	Keys  []string
	Items []*Node
}

func textNode(s string) *Node { return &Node{Kind: '"', Text: s} }

// ReadJSON reads one value and refuses duplicate keys and whatever follows.
func ReadJSON(s string) (*Node, error) {
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

func readNode(dec *json.Decoder) (*Node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		return readItems(dec, &Node{Kind: byte(t)})
	case string:
		return textNode(t), nil
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
			key, _ := tok.(string) // the decoder gives nothing else in this place
			if n.Get(key) != nil {
				return nil, fmt.Errorf("the key %q is there twice", key)
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

// Get returns an object's member, nil when there is none.
func (n *Node) Get(key string) *Node {
	for i, k := range n.Keys {
		if k == key {
			return n.Items[i]
		}
	}
	return nil
}

// List returns a list's items; anything else is a list of itself.
func (n *Node) List() []*Node {
	if n.Kind == '[' {
		return n.Items
	}
	return []*Node{n}
}
