package process

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRunPassesEverythingOn(t *testing.T) {
	dir := t.TempDir()
	spec := shell(t, `echo "$1 $GREETING $(pwd)"; echo problem >&2`)
	spec.Args = append(spec.Args, "sh", "argument")
	spec.Env, spec.Dir = []string{"GREETING=hello"}, dir
	if err := Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if got, want := readFile(t, spec.Log), "argument hello "+dir+"\nproblem\n"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

func TestFailureCarriesTheEndOfTheLog(t *testing.T) {
	spec := shell(t, `i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo "line $i."; done; exit 3`)
	err := Run(t.Context(), spec)
	if _, ok := errors.AsType[*ExitError](err); !ok {
		t.Fatalf("got %v, want an ExitError", err)
	}
	for _, want := range []string{"shell ended", "exit status 3", "line 100.", spec.Log} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 1.") {
		t.Errorf("the whole log is in: %v", err)
	}
}

func TestFailureCarriesNothingOfEarlierRuns(t *testing.T) {
	spec := shell(t, "echo earlier trouble")
	if err := Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	spec.Args = []string{"-c", "echo new trouble; exit 1"}
	if err := Run(t.Context(), spec); !strings.Contains(err.Error(), "new trouble") || strings.Contains(err.Error(), "earlier") {
		t.Errorf("got %v, want only the new trouble", err)
	}
}

func TestMissingProgram(t *testing.T) {
	spec := shell(t, "")
	spec.Path = filepath.Join(t.TempDir(), "missing")
	if _, err := Start(t.Context(), spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want an error that says there is no such file", err)
	}
}

func TestAwaitReportsADeathAtOnce(t *testing.T) {
	for script, want := range map[string]string{
		"echo cannot go on; exit 1": "exit status 1",
		"echo cannot go on; exit 0": "exit status 0", // a server has no reason to end
	} {
		p := start(t, t.Context(), shell(t, script))
		// A probe that never answers must not delay the news.
		err := p.Await(t.Context(), "the server", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cannot go on") {
			t.Errorf("%q: got %v, want %s and the log", script, err, want)
		}
	}
}

func TestAwaitSaysWhatItGotLast(t *testing.T) {
	p := start(t, t.Context(), shell(t, "echo still loading; sleep 60"))
	awaitLog(t, p, "still loading")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := p.Await(ctx, "the server", func(context.Context) error { return errors.New("status 503") })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time is over", err)
	}
	for _, want := range []string{"the server", "status 503", "still loading"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestStopAsksFirst(t *testing.T) {
	p := start(t, t.Context(), shell(t, `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`))
	awaitLog(t, p, "ready")
	p.Stop(time.Minute)
	p.Stop(time.Minute) // harmless
	if log := readFile(t, p.spec.Log); !strings.Contains(log, "bye") {
		t.Errorf("it was not asked: %q", log)
	}
}

func TestStopKillsAfterTheGracePeriod(t *testing.T) {
	p := start(t, t.Context(), shell(t, `trap '' TERM; echo ready; while :; do sleep 0.05; done`))
	awaitLog(t, p, "ready")
	p.Stop(50 * time.Millisecond)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v, want that it was killed", err)
	}
}

func TestStopWakesAStoppedProcess(t *testing.T) {
	p := start(t, t.Context(), shell(t, `trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`))
	awaitLog(t, p, "ready")
	p.Signal(syscall.SIGSTOP)
	p.Stop(time.Minute)
	if err := p.Err(); err != nil {
		t.Errorf("got %v, want an orderly end", err)
	}
}

func TestKillEndsGrandchildren(t *testing.T) {
	p := start(t, t.Context(), shell(t, `sleep 600 & echo "pid=$!."; wait`))
	grandchild := pidFromLog(t, p)
	p.Kill()
	awaitGone(t, grandchild)
}

func TestContextEndsProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := start(t, ctx, shell(t, "sleep 600"))
	cancel()
	<-p.Exited()
	if _, err := Start(ctx, shell(t, "")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want no new process after the end", err)
	}
}

func TestUnprivilegedIsNotRootAndCanWrite(t *testing.T) {
	spec := shell(t, `touch file && id -u`)
	spec.Dir = t.TempDir()
	spec.Unprivileged = true
	if err := Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if id := strings.TrimSpace(readFile(t, spec.Log)); id == "0" || id == "" {
		t.Errorf("the user id is %q, want any but 0", id)
	}
}

// TestNothingOutlivesAKilledParent kills, with SIGKILL, a process that has
// started others, which thus has no chance to stop them itself.
func TestNothingOutlivesAKilledParent(t *testing.T) {
	parent := exec.Command(os.Args[0], "-test.run=^TestMain$")
	parent.Env = append(os.Environ(), parentVariable+"="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var children []int
	buffer := make([]byte, 100)
	for len(children) < 2 {
		n, err := out.Read(buffer)
		if err != nil {
			t.Fatalf("the parent ended: %v", err)
		}
		for field := range strings.FieldsSeq(string(buffer[:n])) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, pid)
		}
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Fatalf("child %d does not run: %v", pid, err)
		}
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range children {
		awaitGone(t, pid)
	}
}

const parentVariable = "TESTBED_PROCESS_PARENT"

// TestMain makes the test program play the parent for
// TestNothingOutlivesAKilledParent.
func TestMain(m *testing.M) {
	dir := os.Getenv(parentVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	for _, unprivileged := range []bool{false, true} {
		p, err := Start(context.Background(), Spec{
			Name: "sleep", Path: "sleep", Args: []string{"600"}, Dir: dir,
			Log: filepath.Join(dir, "log"), Unprivileged: unprivileged,
		})
		if err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		_, _ = io.WriteString(os.Stdout, strconv.Itoa(p.PID())+"\n")
	}
	select {} // until killed
}

func shell(t *testing.T, script string) Spec {
	return Spec{Name: "shell", Path: "sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")}
}

func start(t *testing.T, ctx context.Context, spec Spec) *Process {
	t.Helper()
	p, err := Start(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func awaitLog(t *testing.T, p *Process, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := p.Await(ctx, want, func(context.Context) error {
		if log := readFile(t, p.spec.Log); !strings.Contains(log, want) {
			return errors.New("not in the log yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pidFromLog(t *testing.T, p *Process) int {
	t.Helper()
	awaitLog(t, p, ".")
	text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(readFile(t, p.spec.Log)), "pid="), ".")
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// awaitGone waits until a process is dead. As an orphan it may stay a zombie
// until the system's first process has reaped it, so that is looked at too.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) || zombie(pid) {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d still runs", pid)
}

func zombie(pid int) bool {
	text, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(text)), "Z")
}

func TestStackFramesAreNotQuoted(t *testing.T) {
	log := "SEVERE failed\n\tjava.lang.Exception: no room\n\t\tat org.example.A\n\tat org.example.B\n\t... 47 common frames omitted\nat last\n"
	if got, want := lastLines(log), "SEVERE failed\n\tjava.lang.Exception: no room\nat last"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
