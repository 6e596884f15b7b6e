package store

import (
	"strconv"
	"strings"
)

// conditions collects what a query narrows by, with its arguments. A question mark in a condition
// is the next argument; values never become part of the text.
type conditions struct {
	parts []string
	args  []any
}

// arg adds an argument and returns its placeholder.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) and(condition string, args ...any) {
	var b strings.Builder
	for _, r := range condition {
		if r == '?' && len(args) > 0 {
			b.WriteString(c.arg(args[0]))
			args = args[1:]
			continue
		}
		b.WriteRune(r)
	}
	c.parts = append(c.parts, b.String())
}

func (c *conditions) sql() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

func (c *conditions) limit(n int) string { return " LIMIT " + strconv.Itoa(n) }
