// Package postgres starts a real PostgreSQL on loopback.
package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	startTimeout = time.Minute
	stopGrace    = 10 * time.Second
	restartPause = 50 * time.Millisecond

	database = "postgres"
	// The server trusts everybody on loopback; some clients insist on a password.
	user, password = "postgres", "postgres"
)

// Server is a running PostgreSQL.
type Server struct {
	URL     string // for libpq and its like: postgres://…
	JDBCURL string // for Java: jdbc:postgresql://…, without user and password

	User, Password string

	dir     string
	bin     string
	port    int
	process *process.Process
}

// Start creates a database in dir and starts a server on it, on a free port.
// It ends when ctx does. Root may call it too: the server, which refuses to be
// root, then runs as another user in a user namespace.
func Start(ctx context.Context, dir string) (*Server, error) {
	folder, err := build.Folder(ctx, build.Postgres)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	s := &Server{User: user, Password: password, dir: dir, bin: filepath.Join(folder, "bin")}
	if err := s.create(ctx); err != nil {
		return nil, fmt.Errorf("creating a PostgreSQL database: %w", err)
	}
	err = ports.Retry(1, func(free []int) error {
		s.port = free[0]
		address := ports.Address(s.port)
		s.URL = fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", user, password, address, database)
		s.JDBCURL = fmt.Sprintf("jdbc:postgresql://%s/%s", address, database)
		return s.Start(ctx)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) create(ctx context.Context) error {
	if err := os.MkdirAll(s.data(), 0o700); err != nil {
		return err
	}
	return process.Run(ctx, process.Spec{
		Name: "initdb", Path: filepath.Join(s.bin, "initdb"),
		Args: []string{"--pgdata=" + s.data(), "--username=" + user, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"},
		Dir:  s.data(), Log: filepath.Join(s.dir, "initdb.log"), Unprivileged: true,
	})
}

// Start starts the server again after Stop or Kill, with the same port and
// data, and returns when it accepts queries.
func (s *Server) Start(ctx context.Context) error {
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(restartPause) {
		err := s.start(ctx)
		// After a crash the server's children take a moment to notice it.
		if err == nil || !strings.Contains(err.Error(), "pre-existing shared memory block") || time.Now().After(deadline) {
			return err
		}
	}
}

func (s *Server) start(ctx context.Context) (err error) {
	s.process, err = process.Start(ctx, process.Spec{
		Name: "PostgreSQL", Path: filepath.Join(s.bin, "postgres"),
		Args: []string{
			"-D", s.data(),
			"-c", "listen_addresses=" + ports.Host,
			"-c", "port=" + strconv.Itoa(s.port),
			"-c", "unix_socket_directories=",
			"-c", "max_connections=200",
			"-c", "fsync=off", // the data need not survive a power cut
		},
		Dir: s.data(), Log: filepath.Join(s.dir, "postgres.log"), Unprivileged: true,
	})
	if err != nil {
		return err
	}
	awaiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.process.Await(awaiting, "PostgreSQL", func(ctx context.Context) error { return s.Exec(ctx, "SELECT 1") }); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// Stop ends the server at once but orderly: open transactions are rolled back
// and connections are closed.
func (s *Server) Stop() {
	s.process.SignalLeader(syscall.SIGINT) // a fast shutdown
	select {
	case <-s.process.Exited():
	case <-time.After(stopGrace):
		s.process.Kill()
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.process.Kill() }

// Restart is Stop and Start.
func (s *Server) Restart(ctx context.Context) error {
	s.Stop()
	return s.Start(ctx)
}

// Exec runs statements, separated by semicolons, in a connection of their own.
func (s *Server) Exec(ctx context.Context, sql string) error {
	return s.connected(ctx, func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// QueryInt runs a query with one number as its result.
func (s *Server) QueryInt(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = s.connected(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, sql, args...).Scan(&n) })
	return n, err
}

func (s *Server) connected(ctx context.Context, use func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return use(c)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
