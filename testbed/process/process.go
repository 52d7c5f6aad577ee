// Package process runs the real parts as child processes: each with a log
// file and a process group of its own, and none that outlives this process.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Spec describes a child process.
type Spec struct {
	Name string   // what messages call it
	Path string   // the program; looked up in PATH if it has no slash
	Args []string // without the program's name
	Env  []string // KEY=VALUE pairs added to this process's environment
	Dir  string   // working directory
	Log  string   // file to which standard output and error are appended

	// Unprivileged runs the program as a user other than root, to whom
	// root's files belong. It changes nothing unless this process is root.
	Unprivileged bool
}

// Process is a running or ended child process.
type Process struct {
	spec    Spec
	logFrom int64 // size of the log when this process started
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // set before exited is closed
}

// Start starts a child process. It is killed when ctx ends, and when this
// process dies, however that happens.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("starting %s: opening its log: %w", spec.Name, err)
	}
	defer log.Close()
	p := &Process{spec: spec, exited: make(chan struct{})}
	if info, err := log.Stat(); err == nil {
		p.logFrom = info.Size()
	}
	p.cmd = exec.CommandContext(ctx, spec.Path, spec.Args...)
	p.cmd.Cancel = func() error { return syscall.Kill(-p.PID(), syscall.SIGKILL) }
	p.cmd.Env = append(os.Environ(), spec.Env...)
	p.cmd.Dir = spec.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = attributes(spec.Unprivileged)

	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	return p, nil
}

// run forks, and waits on the same thread: Linux delivers the parent-death
// signal when the forking thread ends, so that thread has to live as long as
// the child.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	if err := p.cmd.Wait(); err != nil {
		p.err = p.exitError(err)
	}
	close(p.exited)
}

// PID returns the process id, which is the id of its process group too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err returns nil while the process runs and if it ended with exit code 0,
// else an *ExitError.
func (p *Process) Err() error {
	select {
	case <-p.exited:
		return p.err
	default:
		return nil
	}
}

// Wait waits for the process to end and returns its Err. When ctx ends first,
// it returns ctx's error.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.exited:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s: %w", p.spec.Name, ctx.Err())
	}
}

// Signal sends a signal to the process and its whole group, for example
// SIGSTOP and SIGCONT to make a server hang for a while. It does nothing if
// the process has ended.
func (p *Process) Signal(signal syscall.Signal) { p.kill(-p.PID(), signal) }

// SignalLeader sends a signal to the process alone, for programs that look
// after their children themselves.
func (p *Process) SignalLeader(signal syscall.Signal) { p.kill(p.PID(), signal) }

func (p *Process) kill(id int, signal syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(id, signal) // it may have ended a moment ago
	}
}

// Stop asks the process to end (SIGTERM), kills it after the grace period and
// returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(syscall.SIGCONT) // a stopped process handles no SIGTERM
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the process and its group at once (SIGKILL) and returns when it is gone.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
}

// Run runs a program to its end; it is killed when ctx ends.
func Run(ctx context.Context, spec Spec) error {
	p, err := Start(ctx, spec)
	if err != nil {
		return err
	}
	<-p.exited
	if ctx.Err() != nil {
		return fmt.Errorf("running %s: %w", spec.Name, context.Cause(ctx))
	}
	return p.err
}

// ExitError says that a program ended when it should not have, or badly.
type ExitError struct {
	Name string
	Log  string // its log file
	Tail string // the log's last lines
	Err  error  // nil if it ended with exit code 0

	recent string // more of the log's end
}

func (e *ExitError) Error() string {
	reason := "exit status 0"
	if e.Err != nil {
		reason = e.Err.Error()
	}
	return fmt.Sprintf("%s ended: %s; the end of its log %s:\n%s", e.Name, reason, e.Log, e.Tail)
}

func (e *ExitError) Unwrap() error { return e.Err }

func (p *Process) exitError(err error) *ExitError {
	recent := recentLog(p.spec.Log, p.logFrom)
	return &ExitError{Name: p.spec.Name, Log: p.spec.Log, Tail: lastLines(recent), Err: err, recent: recent}
}

// AddressInUse reports whether err is from a program that ended because
// another one listens on its port.
func AddressInUse(err error) bool {
	var exit *ExitError
	if !errors.As(err, &exit) {
		return false
	}
	log := strings.ToLower(exit.recent)
	return strings.Contains(log, "address already in use") || strings.Contains(log, "was already in use")
}
