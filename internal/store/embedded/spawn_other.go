//go:build unix && !linux

package embedded

import "syscall"

// dieWithUs has nothing to offer here: after a SIGKILL the server stays, and the next
// start joins it.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
