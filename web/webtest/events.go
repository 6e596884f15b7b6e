package webtest

import (
	"bufio"
	"strings"
	"testing"
)

// Events reads server-sent events, one by one.
type Events struct {
	t    *testing.T
	body *bufio.Scanner
}

// Next returns the name and the data of the next event; "" at the end.
func (e Events) Next() (name, data string) {
	e.t.Helper()
	for e.body.Scan() {
		line := e.body.Text()
		switch {
		case line == "" && name != "":
			return name, data
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data += strings.TrimPrefix(line, "data: ") + "\n"
		}
	}
	return name, data
}

// Want fails unless the next event has a name and holds the parts.
func (e Events) Want(name string, parts ...string) {
	e.t.Helper()
	got, data := e.Next()
	if got != name {
		e.t.Fatalf("event %q, want %q; it says %s", got, name, data)
	}
	for _, part := range parts {
		if !strings.Contains(data, part) {
			e.t.Errorf("event %s does not hold %q:\n%s", name, part, data)
		}
	}
}
