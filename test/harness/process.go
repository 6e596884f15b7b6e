package harness

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs.
type Process struct {
	Started time.Time
	Addr    string // host and port

	t    testing.TB
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
}

// StartOther runs a program that is not ours, which serves HTTP, until the test ends.
// args get the address that it is to listen on.
func StartOther(t testing.TB, path string, args func(host, port string) []string) *Process {
	t.Helper()
	addr := freeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	p := start(t, path, addr, nil, args(host, port)...)
	Eventually(t, 60*time.Second, path+" answers", func() (bool, string) {
		if p.Ended() {
			t.Fatalf("%s ended at its start:\n%s", path, p.Output())
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false, err.Error()
		}
		return conn.Close() == nil, ""
	})
	return p
}

// start runs a program until the test ends. When the test fails, the end of what the
// program printed is shown.
func start(t testing.TB, path, addr string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, Addr: addr, name: filepath.Base(path) + " " + strings.Join(args, " "), out: &output{}, done: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.Started = time.Now()
	if err := startTied(p.cmd); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s printed last:\n%s", p.name, p.out.tail(6000))
		}
	})
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// URL is where it answers.
func (p *Process) URL() string { return "http://" + p.Addr }

// Output is what it has printed so far.
func (p *Process) Output() string { return p.out.tail(1 << 30) }

// Ended reports whether it runs no more.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Kill ends it with SIGKILL and waits until it is gone.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Freeze stops it with SIGSTOP: it keeps its connections and does nothing.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// stopWithin is how long an orderly end may take.
const stopWithin = 30 * time.Second

// Stop ends it in an orderly way, and returns its exit code.
func (p *Process) Stop() int {
	p.end(syscall.SIGTERM)
	return p.cmd.ProcessState.ExitCode()
}

func (p *Process) end(with syscall.Signal) {
	if p.Ended() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a frozen one would not hear
	_ = p.cmd.Process.Signal(with)
	deadline := time.NewTimer(stopWithin)
	defer deadline.Stop()
	select {
	case <-p.done:
	case <-deadline.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("%s did not end within %s of %s", p.name, stopWithin, with)
	}
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("sending %s to %s: %v", s, p.name, err)
	}
}

// RSS is how much memory it uses, in bytes.
func (p *Process) RSS() int64 { return p.status("VmRSS") }

// PeakRSS is the most it has used.
func (p *Process) PeakRSS() int64 { return p.status("VmHWM") }

// CPU is how much processor time it has used.
func (p *Process) CPU() time.Duration {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		p.t.Fatalf("reading the processor time of %s: %v", p.name, err)
	}
	// The name in brackets may hold blanks; what is counted comes behind it.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const user, system, ticks = 11, 12, 100 // of proc(5), counted from behind the name
	var sum int64
	for _, i := range []int{user, system} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			p.t.Fatalf("reading the processor time of %s: %v", p.name, err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks
}

func (p *Process) status(key string) int64 {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		p.t.Fatalf("reading the memory of %s: %v", p.name, err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				p.t.Fatalf("reading the memory of %s: %v", p.name, err)
			}
			return kb << 10
		}
	}
	p.t.Fatalf("the kernel does not say %s of %s", key, p.name)
	return 0
}

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.buf.Bytes()
	return string(b[max(0, len(b)-n):])
}
