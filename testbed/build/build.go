// Package build makes the real parts from Go modules and Maven Central, once:
// the results stay in a cache folder, under a hash of what they are made from.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Ensure builds those parts that are missing and returns the folders of all.
// It writes a line to out when it starts to build a part and when it is done;
// nothing for parts that are there. Any number of processes may do this at once.
func Ensure(ctx context.Context, out io.Writer, parts ...Part) (map[Part]string, error) {
	source, err := Checkout()
	if err != nil {
		return nil, err
	}
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("creating the cache folder: %w", err)
	}
	out = &lockedWriter{w: out}
	known := recipes()
	folders := map[Part]string{}
	var compiled, downloaded []*job
	for _, part := range parts {
		recipe, ok := known[part]
		if !ok {
			return nil, fmt.Errorf("building %q: there is no such part", part)
		}
		if part == Kubernetes {
			if folder := assets(out); folder != "" {
				folders[part] = folder
				continue
			}
		}
		j, err := newJob(filepath.Join(source, "testbed", "parts", string(part)), cache, part, recipe, out)
		if err != nil {
			return nil, err
		}
		folders[part] = j.folder
		switch {
		case exists(j.folder):
		case recipe.maven:
			downloaded = append(downloaded, j)
		default:
			compiled = append(compiled, j)
		}
	}
	// One that waits for the network next to one that computes; Go uses all
	// cores for a single build.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return inTurn(ctx, compiled) })
	group.Go(func() error { return inTurn(ctx, downloaded) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return folders, nil
}

// Folder builds a part if it is missing, with progress on standard error, and
// returns its folder.
func Folder(ctx context.Context, part Part) (string, error) {
	folders, err := Ensure(ctx, os.Stderr, part)
	return folders[part], err
}

func inTurn(ctx context.Context, jobs []*job) error {
	for _, j := range jobs {
		if err := j.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A job builds one part.
type job struct {
	recipe recipe
	source string // the part's folder in the checkout; never written to
	cache  string
	part   Part
	folder string // where the result goes
	log    string
	out    io.Writer

	work   string // scratch folder, on the cache's file system
	result string // becomes folder
}

func newJob(source, cache string, part Part, r recipe, out io.Writer) (*job, error) {
	also := append([]string{runtime.GOOS, runtime.GOARCH}, r.flags...)
	if !r.maven {
		also = append(also, runtime.Version())
	}
	key, err := key(source, also...)
	if err != nil {
		return nil, err
	}
	name := string(part) + "-" + key
	return &job{
		recipe: r, source: source, cache: cache, part: part, out: out,
		folder: filepath.Join(cache, name),
		log:    filepath.Join(cache, name+".log"),
	}, nil
}

func (j *job) run(ctx context.Context) error {
	unlock, err := lock(ctx, filepath.Join(j.cache, string(j.part)+".lock"), func() {
		fmt.Fprintf(j.out, "%s: waiting for another process that builds it\n", j.recipe.title)
	})
	if err != nil {
		return fmt.Errorf("building %s: %w", j.recipe.title, err)
	}
	defer unlock()
	if exists(j.folder) {
		return nil
	}
	start := time.Now()
	fmt.Fprintf(j.out, "%s: building (%s the first time)\n", j.recipe.title, j.recipe.cost)
	done := make(chan struct{})
	var progress sync.WaitGroup
	progress.Go(func() { j.progress(start, done) })
	err = j.build(ctx)
	close(done)
	progress.Wait()
	if err != nil {
		return fmt.Errorf("building %s: %w", j.recipe.title, err)
	}
	fmt.Fprintf(j.out, "%s: built in %s\n", j.recipe.title, time.Since(start).Round(time.Second))
	return nil
}

// progress writes a line every half minute, with what the log says last: of a
// Go program that is the package being compiled.
func (j *job) progress(start time.Time, done <-chan struct{}) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fmt.Fprintf(j.out, "%s: still building after %s: %s\n", j.recipe.title, time.Since(start).Round(time.Second), lastLine(j.log))
		}
	}
}

func lastLine(log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

func (j *job) build(ctx context.Context) error {
	j.work = filepath.Join(j.cache, "work-"+string(j.part))
	if err := os.RemoveAll(j.work); err != nil { // of a build that was killed; we hold the lock
		return err
	}
	defer os.RemoveAll(j.work)
	j.result = filepath.Join(j.work, "result")
	if err := os.MkdirAll(j.result, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(j.log, nil, 0o644); err != nil {
		return err
	}
	if err := j.recipe.make(ctx, j); err != nil {
		return err
	}
	return os.Rename(j.result, j.folder)
}

// lockedWriter lets several jobs write lines to one writer.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
