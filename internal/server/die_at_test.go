package server

import (
	"strings"
	"testing"
	"time"
)

// What makes the clock jump is refused there as well.
func TestJumpingClocksAreForSandboxesOnly(t *testing.T) {
	for endpoint, want := range map[string]string{"": "unset it", "https://iam.amazonaws.com": "unset it", "http://127.0.0.1:8081": ""} {
		env := map[string]string{clockJumpsVariable: "5h", "AWS_ENDPOINT_URL": endpoint}
		clock, err := jumpingClock(Config{}, func(name string) string { return env[name] })
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("towards %q: %v, want it refused", endpoint, err)
		case want == "" && (err != nil || clock().Sub(clock()).Abs() < 4*time.Hour):
			t.Errorf("towards %q: %v, want a clock that jumps", endpoint, err)
		}
	}
	if clock, err := jumpingClock(Config{}, func(string) string { return "" }); clock != nil || err != nil {
		t.Errorf("nothing set: %v", err)
	}
}

// What kills the console is refused wherever there could be a real AWS.
func TestDyingIsForSandboxesOnly(t *testing.T) {
	for _, tt := range []struct {
		name, at, endpoint string
		cfg                Config
		want               string // of the error; "" for none
	}{
		{"nothing set", "", "", Config{}, ""},
		{"AWS", "wrote", "", Config{}, "unset it"},
		{"elsewhere", "wrote", "https://iam.amazonaws.com", Config{}, "unset it"},
		{"a host that only looks like this machine", "wrote", "http://127.0.0.1.example.com:80", Config{}, "unset it"},
		{"a sandbox here", "wrote:3", "http://127.0.0.1:8081", Config{}, ""},
		{"the demo", "claimed", "", Config{Sandbox: &Sandbox{}}, ""},
		{"no such point", "somewhere", "http://127.0.0.1:8081", Config{}, "names no point"},
		{"no number", "wrote:x", "http://127.0.0.1:8081", Config{}, "names no point"},
	} {
		env := map[string]string{dieAtVariable: tt.at, "AWS_ENDPOINT_URL": tt.endpoint}
		die, err := deadlyPoint(tt.cfg, func(name string) string { return env[name] })
		switch {
		case tt.want == "" && (err != nil || (die == nil) != (tt.at == "")):
			t.Errorf("%s: %v, deadly: %v", tt.name, err, die != nil)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want it refused with %q", tt.name, err, tt.want)
		}
	}
}
