package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// goEnv keeps the project's workspace and version control, and the user's
// flags, out of the parts.
var goEnv = []string{"GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "CGO_ENABLED=0"}

// goBuild builds main packages into the part's folder.
func goBuild(packages ...string) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		args := append([]string{"build", "-v", "-trimpath", "-o", j.result + string(filepath.Separator)}, j.recipe.flags...)
		return process.Run(ctx, process.Spec{
			Name: "go build", Path: "go", Args: append(args, packages...),
			Dir: j.source, Env: goEnv, Log: j.log,
		})
	}
}

// makeKwok adds the rules that make kwok's nodes ready and their Pods run;
// they are not in its program, but in its module.
func makeKwok(ctx context.Context, j *job) error {
	if err := goBuild("sigs.k8s.io/kwok/cmd/kwok")(ctx, j); err != nil {
		return err
	}
	module, err := moduleFolder(ctx, j, "sigs.k8s.io/kwok")
	if err != nil {
		return err
	}
	var stages bytes.Buffer
	for _, rules := range []string{"node/fast", "node/heartbeat-with-lease", "pod/fast"} {
		files, err := filepath.Glob(filepath.Join(module, "kustomize", "stage", rules, "*-*.yaml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("kwok's module has no stages in %s: %w", rules, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(&stages, "---\n%s\n", text)
		}
	}
	return os.WriteFile(filepath.Join(j.result, "stages.yaml"), stages.Bytes(), 0o644)
}

// moduleFolder returns where Go keeps the source of a module that the part needs.
func moduleFolder(ctx context.Context, j *job, module string) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = j.source
	list.Env = append(os.Environ(), goEnv...)
	folder, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module %s: %w", module, err)
	}
	return strings.TrimSpace(string(folder)), nil
}

// Products are the project's own programs.
type Products struct {
	Exporter string // camunda-exporter
	Scaler   string // camunda-scaler
	Starter  string // camunda-process-starter
}

// Project builds the project's own programs from the checkout into a folder,
// with the race detector if race is set.
func Project(ctx context.Context, folder string, race bool) (Products, error) {
	source, err := Checkout()
	if err != nil {
		return Products{}, err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return Products{}, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return Products{}, err
	}
	args := []string{"build", "-o", folder + string(filepath.Separator)}
	if race {
		args = append(args, "-race")
	}
	args = append(args, "./exporter/cmd/camunda-exporter", "./scaler/cmd/camunda-scaler", "./starter/cmd/camunda-process-starter")
	err = process.Run(ctx, process.Spec{
		Name: "go build", Path: "go", Args: args, Dir: source,
		Env: []string{"GOWORK=" + filepath.Join(source, "go.work")},
		Log: filepath.Join(folder, "build.log"),
	})
	if err != nil {
		return Products{}, fmt.Errorf("building the project's programs: %w", err)
	}
	return Products{
		Exporter: filepath.Join(folder, "camunda-exporter"),
		Scaler:   filepath.Join(folder, "camunda-scaler"),
		Starter:  filepath.Join(folder, "camunda-process-starter"),
	}, nil
}
