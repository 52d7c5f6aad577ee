package build

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Custom is a part that is not the testbed's own, such as an example's. Its
// source is in a folder of the example, its result in the same cache.
type Custom struct {
	Name   string   // of its folder in the cache; unique
	Title  string   // how messages call it
	Cost   string   // how long it takes the first time
	Source string   // folder; the part is made again when a file in it changes
	Flags  []string // what else the result depends on, for Make

	// Make fills the folder result. It may write to project, a copy of the
	// source, and sends the output of programs to the file log.
	Make func(ctx context.Context, c Custom, project, result, log string) error
}

// Ensure builds the part if it is missing, as the function Ensure does, and
// returns its folder.
func (c Custom) Ensure(ctx context.Context, out io.Writer) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache folder: %w", err)
	}
	r := recipe{title: c.Title, cost: c.Cost, flags: c.Flags, maven: true, make: func(ctx context.Context, j *job) error {
		project, err := copyProject(j)
		if err != nil {
			return err
		}
		return c.Make(ctx, c, project, j.result, j.log)
	}}
	j, err := newJob(c.Source, cache, Part(c.Name), r, out)
	if err != nil {
		return "", err
	}
	if !exists(j.folder) {
		if err := j.run(ctx); err != nil {
			return "", err
		}
	}
	return j.folder, nil
}

// Run runs a program of a Custom part's Make in a folder.
func Run(ctx context.Context, folder, log, program string, args ...string) error {
	return process.Run(ctx, process.Spec{Name: program, Path: program, Args: args, Dir: folder, Log: log})
}
