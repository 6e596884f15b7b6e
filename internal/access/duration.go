package access

import (
	"strings"
	"time"
)

// DurationText writes a length of time as people type it, without the zeros that
// time.Duration adds: "1h", not "1h0m0s".
func DurationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
