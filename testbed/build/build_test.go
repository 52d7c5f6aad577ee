package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ulikunitz/xz"
)

// newTestJob returns a job for a part made of one file, in a cache of its own.
func newTestJob(t *testing.T, cache string, r recipe) (*job, *bytes.Buffer) {
	t.Helper()
	source := t.TempDir()
	writeFile(t, filepath.Join(source, "file"), "content")
	out := &bytes.Buffer{}
	j, err := newJob(source, cache, "thing", r, out)
	if err != nil {
		t.Fatal(err)
	}
	return j, out
}

func writeResult(_ context.Context, j *job) error {
	return os.WriteFile(filepath.Join(j.result, "result"), []byte("done"), 0o644)
}

func TestBuildOnce(t *testing.T) {
	cache := t.TempDir()
	built := 0
	r := recipe{title: "Thing", cost: "a moment", make: func(ctx context.Context, j *job) error {
		built++
		return writeResult(ctx, j)
	}}
	j, out := newTestJob(t, cache, r)
	synctest.Test(t, func(t *testing.T) { // a busy machine takes no time here
		for range 2 {
			if err := j.run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if built != 1 {
		t.Errorf("built %d times, want once", built)
	}
	want := "Thing: building (a moment the first time)\nThing: built in 0s\n"
	if out.String() != want {
		t.Errorf("progress is %q, want %q", out, want)
	}
	if got := readFile(t, filepath.Join(j.folder, "result")); got != "done" {
		t.Errorf("the result is %q", got)
	}
	if exists(j.work) {
		t.Error("the scratch folder is left")
	}
}

func TestFailedBuildLeavesNothingAndCanBeRepeated(t *testing.T) {
	j, _ := newTestJob(t, t.TempDir(), recipe{title: "Thing", make: func(ctx context.Context, j *job) error {
		return errors.Join(writeResult(ctx, j), errors.New("no network"))
	}})
	err := j.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "building Thing: no network") {
		t.Fatalf("got %v", err)
	}
	if exists(j.folder) || exists(j.work) {
		t.Error("a failed build left something")
	}
	j.recipe.make = writeResult
	if err := j.run(t.Context()); err != nil || !exists(j.folder) {
		t.Errorf("the second try: %v", err)
	}
}

func TestBuildAfterAKilledOne(t *testing.T) {
	j, _ := newTestJob(t, t.TempDir(), recipe{title: "Thing", make: writeResult})
	writeFile(t, filepath.Join(j.cache, "work-thing", "result", "half"), "")
	if err := j.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(j.folder, "half")) {
		t.Error("the result has leftovers of the build that was killed")
	}
}

// TestOneBuildsOthersWait has several processes' worth of jobs, each with a
// file handle of its own, as flock sees them.
func TestOneBuildsOthersWait(t *testing.T) {
	cache := t.TempDir()
	var built sync.Map
	r := recipe{title: "Thing", make: func(ctx context.Context, j *job) error {
		if _, twice := built.LoadOrStore(j.folder, true); twice {
			return errors.New("built twice")
		}
		return writeResult(ctx, j)
	}}
	first, _ := newTestJob(t, cache, r)
	var group sync.WaitGroup
	for range 8 {
		j := *first
		group.Go(func() {
			j.out = &bytes.Buffer{}
			if err := j.run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestWaitingForAnotherBuildEndsWithTheContext(t *testing.T) {
	j, out := newTestJob(t, t.TempDir(), recipe{title: "Thing", make: writeResult})
	unlock, err := lock(t.Context(), filepath.Join(j.cache, "thing.lock"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := j.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time is over", err)
	}
	if !strings.Contains(out.String(), "waiting for another process") {
		t.Errorf("progress is %q", out)
	}
	unlock()
	if err := j.run(t.Context()); err != nil {
		t.Errorf("when the lock is free: %v", err)
	}
}

func TestKeyChangesWithEverythingThatMatters(t *testing.T) {
	source := t.TempDir()
	writeFile(t, filepath.Join(source, "a"), "1")
	keys := map[string]string{}
	add := func(what string, also ...string) {
		t.Helper()
		k, err := key(source, also...)
		if err != nil {
			t.Fatal(err)
		}
		if other, there := keys[k]; there {
			t.Errorf("%s has the key of %s", what, other)
		}
		keys[k] = what
	}
	add("one file")
	add("a flag", "-race")
	add("two flags", "-race", "-v")
	add("two flags that look like the one", "-race -v")
	writeFile(t, filepath.Join(source, "a"), "2")
	add("other content")
	if err := os.Rename(filepath.Join(source, "a"), filepath.Join(source, "b")); err != nil {
		t.Fatal(err)
	}
	add("another name")
	writeFile(t, filepath.Join(source, "folder", "c"), "")
	add("another file")
	again, err := key(source)
	if err != nil || keys[again] != "another file" {
		t.Errorf("the same again has key %s (%v)", again, err)
	}
}

func TestEveryPartHasItsSourceAndRecipe(t *testing.T) {
	source, err := Checkout()
	if err != nil {
		t.Fatal(err)
	}
	known := recipes()
	parts := slices.Concat(Parts(), NodeParts(), PeerParts(), []Part{Flux})
	for _, part := range parts {
		if r := known[part]; r.title == "" || r.cost == "" || r.make == nil {
			t.Errorf("%s has no complete recipe", part)
		}
		if !exists(filepath.Join(source, "testbed", "parts", string(part))) {
			t.Errorf("%s has no source", part)
		}
	}
	if len(parts) != len(known) {
		t.Errorf("%d parts and %d recipes", len(parts), len(known))
	}
}

func TestPeerIsNotBuiltByUse(t *testing.T) {
	t.Setenv("CAMUNDA_AUTOSCALER_CACHE", t.TempDir())
	for _, part := range PeerParts() {
		if _, err := Peer(part); err == nil || !strings.Contains(err.Error(), "make bench-peers") {
			t.Errorf("%s: got %v", part, err)
		}
	}
}

func TestUnknownPart(t *testing.T) {
	if _, err := Ensure(t.Context(), &bytes.Buffer{}, "nonsense"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("got %v", err)
	}
}

func TestFailingCompilerIsQuoted(t *testing.T) {
	j, _ := newTestJob(t, t.TempDir(), recipe{title: "Thing", make: goBuild(".")})
	writeFile(t, filepath.Join(j.source, "go.mod"), "module thing\n")
	writeFile(t, filepath.Join(j.source, "main.go"), "package main\n\nfunc main() { undefinedThing() }\n")
	err := j.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "undefined: undefinedThing") || !strings.Contains(err.Error(), j.log) {
		t.Errorf("got %v, want the compiler's complaint and the log's path", err)
	}
}

func TestOutsideTheCheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Folder(t.Context(), Kwok); err == nil || !strings.Contains(err.Error(), "inside the checkout") {
		t.Errorf("got %v", err)
	}
}

func TestUnpack(t *testing.T) {
	archive := writeArchive(t,
		tar.Header{Typeflag: tar.TypeReg, Name: "./bin/program", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin/link", Linkname: "program"},
	)
	folder := t.TempDir()
	if err := unpack(archive, folder); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(filepath.Join(folder, "bin", "link")).CombinedOutput(); err != nil {
		t.Errorf("the unpacked program does not run: %v: %s", err, text)
	}
	if err := os.Truncate(archive, 40); err != nil {
		t.Fatal(err)
	}
	if err := unpack(archive, t.TempDir()); err == nil {
		t.Error("a truncated archive is no error")
	}
}

func TestUnpackStaysInItsFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	archive := writeArchive(t, tar.Header{Typeflag: tar.TypeReg, Name: "../outside", Mode: 0o644})
	if err := unpack(archive, folder); err == nil || exists(filepath.Join(folder, "..", "outside")) {
		t.Errorf("got %v, want an error and no file outside", err)
	}
}

// writeArchive writes a .tar.xz file, in which every file is a shell script.
func writeArchive(t *testing.T, entries ...tar.Header) string {
	t.Helper()
	const script = "#!/bin/sh\n"
	var buffer bytes.Buffer
	x, err := xz.NewWriter(&buffer)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(x)
	for _, entry := range entries {
		if entry.Typeflag == tar.TypeReg {
			entry.Size = int64(len(script))
		}
		if err := archive.WriteHeader(&entry); err != nil {
			t.Fatal(err)
		}
		if entry.Size > 0 {
			if _, err := archive.Write([]byte(script)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(archive.Close(), x.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "archive.txz")
	writeFile(t, path, buffer.String())
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A build that takes long says what it is at.
func TestProgress(t *testing.T) {
	cache := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := recipe{title: "Thing", cost: "a moment", make: func(ctx context.Context, j *job) error {
			writeFile(t, j.log, "one\ntwo\n")
			time.Sleep(65 * time.Second)
			return writeResult(ctx, j)
		}}
		j, out := newTestJob(t, cache, r)
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := "Thing: building (a moment the first time)\nThing: still building after 30s: two\nThing: still building after 1m0s: two\nThing: built in 1m5s\n"
		if out.String() != want {
			t.Errorf("progress is %q, want %q", out, want)
		}
	})
}
