package access

import (
	"testing"
	"time"
)

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 30 * time.Minute: "30m", 45 * time.Second: "45s", 10 * time.Hour: "10h",
		time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m", 0: "0s",
	} {
		if got := DurationText(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
