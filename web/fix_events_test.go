package web_test

import (
	"bufio"
	"strings"
	"testing"
)

// events reads server-sent events, one by one.
type events struct {
	t    *testing.T
	body *bufio.Scanner
}

// next returns the name and the data of the next event; "" at the end.
func (e events) next() (name, data string) {
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

func (e events) want(name string, parts ...string) {
	e.t.Helper()
	got, data := e.next()
	if got != name {
		e.t.Fatalf("event %q, want %q; it says %s", got, name, data)
	}
	for _, part := range parts {
		if !strings.Contains(data, part) {
			e.t.Errorf("event %s does not hold %q:\n%s", name, part, data)
		}
	}
}
