package harness

import (
	"os/exec"
	"runtime"
	"syscall"
)

// nursery starts processes from one thread that never ends: the signal that Linux sends
// to children follows the thread that started them, not the process.
var nursery = func() chan<- func() {
	births := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range births {
			start()
		}
	}()
	return births
}()

// startTied starts a process that is killed when this one dies, however it dies.
func startTied(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	done := make(chan error)
	nursery <- func() { done <- cmd.Start() }
	return <-done
}
