package harness

import "encoding/binary"

// messages takes what a client of Postgres sends apart, as it comes: a type of one byte,
// a length that counts itself, and that many bytes. The first message has no type.
type messages struct {
	begun bool
	head  []byte // of a message whose length is not known yet
	rest  int    // bytes of a message that are still to come
}

// statements counts the statements that begin to be executed in the next bytes.
func (m *messages) statements(b []byte) (n int64) {
	const query, execute = 'Q', 'E'
	for len(b) > 0 {
		if m.rest > 0 {
			skip := min(m.rest, len(b))
			m.rest, b = m.rest-skip, b[skip:]
			continue
		}
		m.head, b = append(m.head, b[0]), b[1:]
		size := 5
		if !m.begun {
			size = 4
		}
		if len(m.head) < size {
			continue
		}
		if m.begun && (m.head[0] == query || m.head[0] == execute) {
			n++
		}
		m.rest = int(binary.BigEndian.Uint32(m.head[size-4:])) - 4
		m.begun, m.head = true, m.head[:0]
	}
	return n
}
