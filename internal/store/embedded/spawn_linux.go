package embedded

import "syscall"

// dieWithUs makes the kernel ask the server for a fast shutdown when we die, even by
// SIGKILL.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
}
