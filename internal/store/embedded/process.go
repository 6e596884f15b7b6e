package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// stopPatience is how long a fast shutdown may take before an immediate one is asked for,
// from which the next start recovers.
const stopPatience = 10 * time.Second

// remnantPatience is how long the children of a dead server may hold its memory.
const remnantPatience = 15 * time.Second

// process is a Postgres server that we started.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed after err is set
	err    error
}

// initialise makes a cluster where there is none. It is made beside its place and then moved, so
// that a cluster whose creation was interrupted is never mistaken for a complete one.
func initialise(ctx context.Context, bin string, f folder, who owner) error {
	if f.version() != "" {
		return nil
	}
	fresh := f.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return f.unusable(err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return f.unusable(err)
	}
	if err := who.chown(fresh); err != nil {
		return f.unusable(err)
	}
	cmd := command(ctx, bin, f, who, "initdb", "-D", fresh, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions", "-N")
	out, err := runLocked(cmd)
	if err != nil {
		return access.Wrap(access.KindUnavailable, fmt.Errorf("%w: %s", err, strings.TrimSpace(out)), "making a private database in %s failed", f.dir)
	}
	if err := os.Rename(fresh, f.data); err != nil {
		return access.Wrap(access.KindUnavailable, err, "the folder %s is in the way of a private database; move it away, or choose another with --data-dir", f.data)
	}
	return nil
}

// runLocked runs a short command. The thread stays, since the child is told to die with
// the thread that made it.
func runLocked(cmd *exec.Cmd) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func command(ctx context.Context, bin string, f folder, who owner, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + f.dir, "LD_LIBRARY_PATH=" + filepath.Join(bin, "../lib")}
	cmd.SysProcAttr = dieWithUs()
	cmd.SysProcAttr.Credential = who.credential
	// A process group of its own: an interrupt at the terminal is for us, and we stop the
	// database after the work that needs it has ended.
	cmd.SysProcAttr.Setpgid = true
	return cmd
}

// launchUntilReady starts the server. What a dead server left in memory goes by itself
// after a moment, so a refusal for that reason is tried again.
func launchUntilReady(ctx context.Context, cfg Config, bin string, f folder, who owner) (*process, error) {
	deadline := time.Now().Add(remnantPatience)
	for {
		p, err := launch(ctx, cfg, bin, f, who)
		if err == nil || !strings.Contains(f.logTail(), "still in use") || time.Now().After(deadline) {
			return p, err
		}
		if err := pause(ctx, 10*pollEvery); err != nil {
			return nil, err
		}
	}
}

func launch(ctx context.Context, cfg Config, bin string, f folder, who owner) (*process, error) {
	log, err := os.OpenFile(f.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, f.unusable(err)
	}
	defer log.Close()
	// The server outlives the start: the context is not its own.
	cmd := command(context.WithoutCancel(ctx), bin, f, who, "postgres", serverArgs(cfg, f)...)
	cmd.Stdout, cmd.Stderr = log, log
	p := &process{cmd: cmd, exited: make(chan struct{})}
	if err := p.start(); err != nil {
		return nil, access.Wrap(access.KindUnavailable, err, "starting %s failed", cmd.Path)
	}
	if err := p.awaitReady(ctx, f); err != nil {
		_ = p.stop()
		return nil, err
	}
	return p, nil
}

func serverArgs(cfg Config, f folder) []string {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + f.socket, "unix_socket_permissions=0700", "port=" + port,
		"max_connections=200", "log_checkpoints=off",
		// The details of a refused row contain its values, which do not belong into a log file.
		"log_error_verbosity=terse", "log_min_error_statement=panic",
	}
	if cfg.Throwaway {
		settings = append(settings, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
	}
	args := []string{"-D", f.data}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

// start runs the server on a thread that stays for as long as the server does: the
// kernel's signal to the child follows the thread that made it, not the process.
func (p *process) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return <-started
}

func (p *process) awaitReady(ctx context.Context, f folder) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if f.ping(ctx) == nil {
			return nil
		}
		select {
		case <-p.exited:
			return access.Wrap(access.KindUnavailable, p.err, "the private database in %s does not start; its log %s says: %s", f.dir, f.log, f.logTail())
		case <-ctx.Done():
			return access.Wrap(access.KindUnavailable, ctx.Err(), "the private database in %s was not ready in time; see %s", f.dir, f.log)
		case <-tick.C:
		}
	}
}

func (p *process) stop() error {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-p.exited:
			return p.err
		case <-time.After(stopPatience):
		}
	}
	return errors.New("the database server does not end")
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
