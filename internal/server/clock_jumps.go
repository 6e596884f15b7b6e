package server

import (
	"sync/atomic"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// clockJumpsVariable makes the clock on the wall, as the engine sees it, jump to and fro by
// so much whenever it is looked at: "5h". Like dieAtVariable it is for tests alone.
const clockJumpsVariable = "PORTCULLIS_CLOCK_JUMPS"

// jumpingClock returns the engine's clock; nil where nothing is set, for the real one.
func jumpingClock(cfg Config, env func(string) string) (func() time.Time, error) {
	wanted := env(clockJumpsVariable)
	if wanted == "" {
		return nil, nil //nolint:nilnil // the real clock
	}
	if cfg.Sandbox == nil && !loopbackURL(env("AWS_ENDPOINT_URL")) {
		return nil, access.Errorf(access.KindInvalid, "%s is set, which makes the console use wrong times. That is for tests with a sandbox on this machine; unset it.", clockJumpsVariable)
	}
	by, err := time.ParseDuration(wanted)
	if err != nil {
		return nil, access.Errorf(access.KindInvalid, "%s=%s is no duration; write it like 5h.", clockJumpsVariable, wanted)
	}
	var looks atomic.Int64
	return func() time.Time { return time.Now().Add(time.Duration(looks.Add(1)%7-3) * by) }, nil
}
