package sandbox

import (
	"bytes"
	"encoding/json"
)

// collapse turns a list of one into its item, as IAM does on reading.
func collapse(n *node) *node {
	if n.kind == '[' && len(n.items) == 1 {
		return n.items[0]
	}
	return n
}

// written is a value as JSON text without white space.
func written(n *node) string {
	var b bytes.Buffer
	write(&b, n)
	return b.String()
}

func write(b *bytes.Buffer, n *node) {
	switch n.kind {
	case '"':
		writeString(b, n.text)
	case '{', '[':
		b.WriteByte(n.kind)
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == '{' {
				writeString(b, n.keys[i])
				b.WriteByte(':')
			}
			write(b, item)
		}
		b.WriteByte(n.kind + 2) // in ASCII the closing bracket is two after the opening one
	default:
		b.WriteString(n.text)
	}
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	// A string always encodes; the encoder's line feed is taken back.
	if enc.Encode(s) == nil {
		b.Truncate(b.Len() - 1)
	}
}
