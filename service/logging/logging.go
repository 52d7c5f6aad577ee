// Package logging gives every service of this project the same log: one event
// a line, in logfmt or JSON, always with the keys ts, caller, level and msg.
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
// ask for. Whichever is used, a line has the same keys.
type Loggers struct {
	Kit  log.Logger   // the project's own logger
	Slog *slog.Logger // for exporter-toolkit
	Logr logr.Logger  // for client-go's klog
}

// timestampFormat is RFC 3339 in UTC with milliseconds.
const timestampFormat = "2006-01-02T15:04:05.000Z07:00"

// New returns loggers that write to w, which may be used by several
// goroutines at once.
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
	base = level.NewFilter(base, level.Allow(level.ParseDefault(c.Level, level.InfoValue())))
	base = log.With(base, "ts", log.TimestampFormat(func() time.Time { return time.Now().UTC() }, timestampFormat))

	// The slog bridge finds its caller itself, so only go-kit's own path is
	// told to.
	slogger := slog.New(withoutTime{sloggokit.NewGoKitHandler(base, slogLevel)})
	return Loggers{
		Kit:  log.With(base, "caller", log.DefaultCaller),
		Slog: slogger,
		Logr: logr.FromSlogHandler(slogger.Handler()),
	}, nil
}

// withoutTime drops slog's own time, which the bridge would print under a
// second key beside ts.
type withoutTime struct{ slog.Handler }

func (h withoutTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h withoutTime) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutTime{h.Handler.WithAttrs(attrs)}
}

func (h withoutTime) WithGroup(name string) slog.Handler {
	return withoutTime{h.Handler.WithGroup(name)}
}
