package onboard

import (
	"crypto/rand"
	"fmt"
	"strings"
)

func newID(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:16]) }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
