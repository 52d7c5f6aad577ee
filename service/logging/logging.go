// Package logging gives every program of this project the same log: one event
// a line, in logfmt or JSON, with the keys ts, level and msg first. The msg is
// fixed for each kind of event; everything that varies is in the other keys.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/go-logr/logr"
	sloggokit "github.com/tjhop/slog-gokit"
)

// Config says how much is logged, and in which format.
type Config struct {
	Level  string // debug, info, warn or error
	Format string // logfmt or json
}

// AddFlags adds --log.level and --log.format to the application.
func AddFlags(app *kingpin.Application) *Config {
	c := &Config{}
	app.Flag("log.level", "Only log messages with the given severity or above. One of: [debug, info, warn, error]").
		Default("info").EnumVar(&c.Level, "debug", "info", "warn", "error")
	app.Flag("log.format", "Output format of log messages. One of: [logfmt, json]").
		Default("logfmt").EnumVar(&c.Format, "logfmt", "json")
	return c
}

// Loggers is one log behind the three interfaces that the libraries in use
// expect. A line has the same keys in the same order, whichever wrote it.
type Loggers struct {
	Kit  log.Logger   // the project's own logger
	Slog *slog.Logger // for exporter-toolkit
	Logr logr.Logger  // for client-go's klog
}

// New returns loggers that write to w. They are safe for concurrent use.
func New(w io.Writer, c Config) (Loggers, error) {
	var base log.Logger
	switch c.Format {
	case "logfmt":
		base = log.NewLogfmtLogger(log.NewSyncWriter(w))
	case "json":
		base = log.NewJSONLogger(log.NewSyncWriter(w))
	default:
		return Loggers{}, fmt.Errorf("log format %q: want logfmt or json", c.Format)
	}
	var slogLevel slog.Level
	if err := slogLevel.UnmarshalText([]byte(c.Level)); err != nil {
		return Loggers{}, fmt.Errorf("log level %q: want debug, info, warn or error", c.Level)
	}
	base = level.NewFilter(ordered{base}, level.Allow(level.ParseDefault(c.Level, level.InfoValue())))
	handler := plain{sloggokit.NewGoKitHandler(base, slogLevel)}
	return Loggers{Kit: base, Slog: slog.New(handler), Logr: logr.FromSlogHandler(handler)}, nil
}

// timestampFormat is RFC 3339 in UTC with milliseconds.
const timestampFormat = "2006-01-02T15:04:05.000Z07:00"

// ordered puts ts, level and msg before all other keys, wherever the caller
// had them: level.Info and log.With would put theirs in front.
type ordered struct{ next log.Logger }

func (o ordered) Log(keyvals ...any) error {
	line := make([]any, 2, 2+len(keyvals))
	line[0], line[1] = "ts", time.Now().UTC().Format(timestampFormat)
	for _, first := range []any{level.Key(), "msg"} {
		for i := 0; i+1 < len(keyvals); i += 2 {
			if keyvals[i] == first {
				line = append(line, first, keyvals[i+1])
			}
		}
	}
	for i := 0; i < len(keyvals); i += 2 {
		if keyvals[i] != level.Key() && keyvals[i] != "msg" {
			line = append(line, keyvals[i:min(i+2, len(keyvals))]...)
		}
	}
	return o.next.Log(line...)
}

// plain drops slog's own time and source, which are not among our keys.
type plain struct{ slog.Handler }

func (h plain) Handle(ctx context.Context, r slog.Record) error {
	r.Time, r.PC = time.Time{}, 0
	return h.Handler.Handle(ctx, r)
}

func (h plain) WithAttrs(attrs []slog.Attr) slog.Handler {
	return plain{h.Handler.WithAttrs(attrs)}
}

func (h plain) WithGroup(name string) slog.Handler {
	return plain{h.Handler.WithGroup(name)}
}
