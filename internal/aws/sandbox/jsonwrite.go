package sandbox

import (
	"bytes"
	"encoding/json"

	"portcullis.internal/portcullis/internal/judge"
)

// collapse turns a list of one into its item, as IAM does when a policy is read.
func collapse(n *judge.Node) *judge.Node {
	if n.Kind == '[' && len(n.Items) == 1 {
		return n.Items[0]
	}
	return n
}

// jsonText returns a value as JSON text without white space.
func jsonText(n *judge.Node) string {
	var b bytes.Buffer
	write(&b, n)
	return b.String()
}

func write(b *bytes.Buffer, n *judge.Node) {
	switch n.Kind {
	case '"':
		writeString(b, n.Text)
	case '{', '[':
		b.WriteByte(n.Kind)
		for i, item := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.Kind == '{' {
				writeString(b, n.Keys[i])
				b.WriteByte(':')
			}
			write(b, item)
		}
		b.WriteByte(n.Kind + 2) // in ASCII the closing bracket is two after the opening one
	default:
		b.WriteString(n.Text)
	}
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	// A string always encodes; the encoder's line feed is removed.
	if enc.Encode(s) == nil {
		b.Truncate(b.Len() - 1)
	}
}
