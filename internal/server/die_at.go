package server

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// dieAtVariable makes the process kill itself at a named point of a push, as a power cut
// would: "wrote", or "wrote:3" for the third time that a push gets there. It is for
// tests of what happens then, and is refused towards anything but a sandbox.
const dieAtVariable = "PORTCULLIS_DIE_AT"

// deadlyPoint returns what the engine calls at its points; nil where nothing is set.
func deadlyPoint(cfg Config, env func(string) string) (func(rollout.Point) error, error) {
	wanted := env(dieAtVariable)
	if wanted == "" {
		return nil, nil //nolint:nilnil // hardly anybody wants to die
	}
	if cfg.Sandbox == nil && !loopbackURL(env("AWS_ENDPOINT_URL")) {
		return nil, access.Errorf(access.KindInvalid, "%s is set, which kills the console in the middle of its work. That is for tests with a sandbox on this machine; unset it.", dieAtVariable)
	}
	name, times, found := strings.Cut(wanted, ":")
	left, err := strconv.ParseInt(times, 10, 64)
	if !found {
		left, err = 1, nil
	}
	if err != nil || left < 1 || !slices.Contains(rollout.Points(), rollout.Point(name)) {
		return nil, access.Errorf(access.KindInvalid, "%s=%s names no point of a push; there are %v.", dieAtVariable, wanted, rollout.Points())
	}
	var passed atomic.Int64
	return func(p rollout.Point) error {
		if string(p) == name && passed.Add(1) == left {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
		return nil
	}, nil
}

// loopbackURL reports whether an address is on this machine.
func loopbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && loopback(u.Host)
}
