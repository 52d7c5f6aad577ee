// Package parts builds and fetches the programs that play the example's containers,
// and has what differs from the chart on this machine.
package parts

import (
	"context"
	_ "embed" // local.yaml
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// LocalValues are the chart's values for this machine, YAML.
//
//go:embed local.yaml
var LocalValues string

// The versions of Kafka between which the example upgrades.
const (
	Before = "4.2.0"
	After  = "4.3.1"
)

// Parts are the programs that play the containers.
type Parts struct {
	Example string // folder of the example's source
	Project string // folder of the project's source

	Kafka       map[string]Kafka // by version
	Python      string           // folder of kafka-python for the app
	OldPython   string           // the same as the app once had it
	Admin       string           // kafka-admin
	Scaler      string           // camunda-scaler
	Helm        string
	Interpreter string // Python's
}

// Kafka is one version of it.
type Kafka struct {
	Libs    string // folder of the jars
	Archive string // file for the JVM's option -XX:SharedArchiveFile
}

// Options adds what makes a start cheaper to a JVM's options.
func (k Kafka) Options(options string) string {
	return options + " -Xshare:auto -XX:SharedArchiveFile=" + k.Archive
}

func ensureKafka(ctx context.Context, out io.Writer, example, version string) (Kafka, error) {
	folder, err := kafka(example, version).Ensure(ctx, out)
	if err != nil {
		return Kafka{}, err
	}
	libs := filepath.Join(folder, "libs")
	archived, err := archive(ctx, example, libs, version)
	if err != nil {
		return Kafka{}, err
	}
	folder, err = archived.Ensure(ctx, out)
	return Kafka{libs, filepath.Join(folder, archiveName)}, err
}

// PythonPath is where Python finds kafka-python and the app.
func (p Parts) PythonPath() string {
	return filepath.Join(p.Python, "site") + ":" + filepath.Join(p.Example, "app")
}

// Build builds and fetches what is missing; programs of the checkout go into dir.
func Build(ctx context.Context, out io.Writer, dir string) (Parts, error) {
	project, err := build.Checkout()
	if err != nil {
		return Parts{}, err
	}
	if err := build.Check(ctx); err != nil {
		return Parts{}, err
	}
	p := Parts{Project: project, Example: filepath.Join(project, "examples", "kafka"), Kafka: map[string]Kafka{}}
	if p.Interpreter, err = interpreter(ctx); err != nil {
		return Parts{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Parts{}, err
	}
	p.Admin, p.Scaler = filepath.Join(dir, "kafka-admin"), filepath.Join(dir, "camunda-scaler")
	_, err = build.Ensure(ctx, out, build.Kubernetes, build.Kwok, build.Prometheus, build.Alertmanager)
	if err != nil {
		return Parts{}, err
	}
	for _, version := range []string{Before, After} {
		if p.Kafka[version], err = ensureKafka(ctx, out, p.Example, version); err != nil {
			return Parts{}, err
		}
	}
	if p.Python, err = python(p.Example, "posts", p.Interpreter).Ensure(ctx, out); err != nil {
		return Parts{}, err
	}
	if p.OldPython, err = python(p.Example, "before", p.Interpreter).Ensure(ctx, out); err != nil {
		return Parts{}, err
	}
	if p.Helm, err = build.Tool(ctx, "helm"); err != nil {
		return Parts{}, err
	}
	var programs errgroup.Group
	programs.Go(func() error {
		return goBuild(ctx, dir, filepath.Join(p.Example, "admin"), "off", p.Admin, ".")
	})
	programs.Go(func() error {
		return goBuild(ctx, dir, project, filepath.Join(project, "go.work"), p.Scaler, "./scaler/cmd/camunda-scaler")
	})
	return p, programs.Wait()
}

func goBuild(ctx context.Context, dir, source, workspace, program, pkg string) error {
	return process.Run(ctx, process.Spec{
		Name: "go build " + filepath.Base(program), Path: "go", Args: []string{"build", "-o", program, pkg}, Dir: source,
		Env: []string{"GOWORK=" + workspace}, Log: filepath.Join(dir, filepath.Base(program)+"-build.log"),
	})
}

func kafka(example, version string) build.Custom {
	return build.Custom{
		Name: "example-kafka-" + version, Title: "Kafka " + version, Cost: "about 15 seconds",
		Source: filepath.Join(example, "parts", "kafka"), Flags: []string{"-Dkafka.version=" + version},
		Make: func(ctx context.Context, c build.Custom, project, result, log string) error {
			args := append([]string{"--batch-mode", "--no-transfer-progress", "package"}, c.Flags...)
			if err := build.Run(ctx, project, log, "mvn", args...); err != nil {
				return err
			}
			return os.Rename(filepath.Join(project, "target", "libs"), filepath.Join(result, "libs"))
		},
	}
}

// python fetches what app/requirements/NAME.txt names, with pip.
func python(example, name, interpreter string) build.Custom {
	return build.Custom{
		Name: "example-kafka-python-" + name, Title: "kafka-python for " + name, Cost: "a few seconds",
		Source: filepath.Join(example, "app", "requirements"), Flags: []string{name},
		Make: func(ctx context.Context, _ build.Custom, project, result, log string) error {
			return build.Run(ctx, project, log, interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
				"--no-deps", "--require-hashes", "--target", filepath.Join(result, "site"), "-r", name+".txt")
		},
	}
}

// interpreter returns a Python that runs the app.
func interpreter(ctx context.Context) (string, error) {
	const program = "python3"
	if _, err := exec.LookPath(program); err != nil {
		return "", errors.New("Python is missing: install Python 3.10 or newer with pip, so that `python3` is found in PATH") //nolint:staticcheck // a name
	}
	check := exec.CommandContext(ctx, program, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 10))")
	if out, err := check.CombinedOutput(); err != nil {
		return "", fmt.Errorf("`python3` has to be Python 3.10 or newer, with pip: %w: %s", err, out)
	}
	return program, nil
}
