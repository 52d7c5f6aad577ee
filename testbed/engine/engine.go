// Package engine starts real Camunda 7 engines on loopback: 7.24 and Operaton
// as Spring Boot programs, 7.14 on Tomcat, of which several on one database
// are a cluster.
package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Distribution is a kind of engine. The zero value is Camunda724.
type Distribution int

// The distributions.
const (
	Camunda724 Distribution = iota
	Operaton
	Tomcat714
)

func (d Distribution) String() string {
	return [...]string{"Camunda 7.24", "Operaton", "Camunda 7.14 on Tomcat"}[d]
}

func (d Distribution) part() build.Part {
	return [...]build.Part{build.Camunda724, build.Operaton, build.Camunda714}[d]
}

const (
	startTimeout = 3 * time.Minute
	stopGrace    = 20 * time.Second
)

// Spec says which engine to start and how. Its zero value is a Camunda 7.24
// with an H2 database in its memory, full history and no authentication.
type Spec struct {
	Distribution Distribution

	// Database is where several engines share their state. The first engine
	// on it creates the schema: start that one alone.
	Database Database

	HistoryLevel string // none, activity, audit or full (default)
	ContextPath  string // of the REST API, such as the default /engine-rest

	// Authorization turns on authorizations and HTTP basic authentication,
	// with two users: Admin may do everything, Restricted everything that
	// starting instances takes, but not READ_HISTORY.
	Authorization bool

	TimeZone string   // the JVM's, such as America/New_York
	JVM      []string // more JVM options
}

// Database is a JDBC data source.
type Database struct{ URL, User, Password string }

// User may log in.
type User struct{ Name, Password string }

// The users of an engine with Spec.Authorization.
var (
	Admin      = User{"admin", "admin-password"}
	Restricted = User{"restricted", "restricted-password"}
)

// Engine is a running engine.
type Engine struct {
	URL string // of the REST API, with the context path and without a slash at the end

	spec    Spec
	dir     string
	folder  string // the built distribution
	port    int
	process *process.Process
}

func (spec Spec) withDefaults() Spec {
	if spec.HistoryLevel == "" {
		spec.HistoryLevel = "full"
	}
	if spec.ContextPath == "" {
		spec.ContextPath = "/engine-rest"
	}
	if spec.Database.URL == "" {
		spec.Database = Database{"jdbc:h2:mem:camunda;DB_CLOSE_DELAY=-1", "sa", "sa"}
	}
	return spec
}

// Start starts an engine whose files are all in dir, and returns when its REST
// API answers. It ends when ctx does.
func Start(ctx context.Context, dir string, spec Spec) (*Engine, error) {
	spec = spec.withDefaults()
	folder, err := build.Folder(ctx, spec.Distribution.part())
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var e *Engine
	err = ports.Retry(1, func(free []int) error {
		e = &Engine{
			URL:  "http://" + ports.Address(free[0]) + spec.ContextPath,
			spec: spec, dir: dir, folder: folder, port: free[0],
		}
		return e.Start(ctx)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Start starts the engine again after Stop or Kill, on the same port. What was
// in an H2 database in memory is gone.
func (e *Engine) Start(ctx context.Context) (err error) {
	name := e.spec.Distribution.String()
	p := process.Spec{Name: name, Path: build.Java(), Dir: e.dir, Log: filepath.Join(e.dir, "engine.log")}
	p.Args = append(p.Args,
		"-Xms64m", "-Xmx256m",
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // quick to start
		"--add-opens=java.base/java.util=ALL-UNNAMED", // without it fetchAndLock answers 500
		"--add-opens=java.base/java.lang=ALL-UNNAMED",
	)
	if e.spec.TimeZone != "" {
		p.Args = append(p.Args, "-Duser.timezone="+e.spec.TimeZone)
	}
	p.Args = append(p.Args, e.spec.JVM...)
	switch e.spec.Distribution {
	case Tomcat714:
		if err := e.writeTomcat(); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		p.Args = append(p.Args, e.tomcatArgs()...)
	default:
		if err := e.linkBoot(); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		p.Args = append(p.Args, e.bootArgs()...)
	}
	if e.process, err = process.Start(ctx, p); err != nil {
		return err
	}
	awaiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = e.process.Await(awaiting, name, func(ctx context.Context) error {
		// A Tomcat whose port is taken says so and stays.
		if strings.Contains(e.process.RecentLog(), "java.net.BindException") {
			e.Kill()
		}
		return e.answers(ctx)
	})
	if err != nil {
		e.Kill()
		return err
	}
	if e.spec.Authorization {
		if err := e.createRestricted(ctx); err != nil {
			e.Kill()
			return fmt.Errorf("starting %s: creating its users: %w", name, err)
		}
	}
	return nil
}

// Stop stops the engine gracefully, and kills it if that takes long.
func (e *Engine) Stop() { e.process.Stop(stopGrace) }

// Kill ends the engine at once.
func (e *Engine) Kill() { e.process.Kill() }

// Pause makes the engine hang: connections are accepted and nothing answers.
func (e *Engine) Pause() { e.process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (e *Engine) Resume() { e.process.Signal(syscall.SIGCONT) }

// Exited is closed when the engine has ended.
func (e *Engine) Exited() <-chan struct{} { return e.process.Exited() }
