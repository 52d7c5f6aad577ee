// Package screen writes the demo's output: plain lines of at most 80 columns,
// as fit for a file as for a terminal.
package screen

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

// Width is the width of the longest line, in columns. Only addresses and paths
// may be longer, as they have to be copied.
const Width = 80

// Screen writes lines. It may be used by several goroutines at once.
type Screen struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
	begun  time.Time
}

// New returns a screen whose clock starts at begun.
func New(out io.Writer, colour bool, begun time.Time) *Screen {
	return &Screen{out: out, colour: colour, begun: begun}
}

// Write writes whole lines as they are, such as a builder's progress.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

// Say writes a line.
func (s *Screen) Say(format string, args ...any) {
	fmt.Fprintf(s, format+"\n", args...)
}

// Title writes a line that stands out, after an empty one.
func (s *Screen) Title(format string, args ...any) {
	s.Say("")
	s.Say("%s", s.paint("1", fmt.Sprintf(format, args...)))
}

// Good writes a line about something that went well, Bad the opposite.
func (s *Screen) Good(format string, args ...any) {
	s.Say("%s", s.paint("32", fmt.Sprintf(format, args...)))
}

// Bad writes a line about something that went wrong.
func (s *Screen) Bad(format string, args ...any) {
	s.Say("%s", s.paint("31", fmt.Sprintf(format, args...)))
}

func (s *Screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

const columns = "%6s  %7s  %7s  %8s  %8s  %5s  %s"

// Columns writes the heads of the columns of Decision.
func (s *Screen) Columns() {
	s.Say(columns, "time", "asked", "started", "/replica", "replicas", "ready", "decision")
}

// Decision writes one decision of the scaler.
func (s *Screen) Decision(o story.Observation) {
	replicas := "-"
	if o.From > 0 {
		replicas = strconv.Itoa(o.From)
	}
	if o.To != o.From {
		replicas = fmt.Sprintf("%d->%d", o.From, o.To)
	}
	s.Say(columns, Clock(o.At.Sub(s.begun)), strconv.Itoa(o.Asked), number(o.Started, 0), number(o.PerInstance, 1),
		replicas, strconv.Itoa(o.Ready), o.Action+", "+o.Reason)
}

// number writes "-" for what is unknown.
func number(v *float64, decimals int) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}

// Clock writes a duration as minutes and seconds.
func Clock(d time.Duration) string {
	seconds := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// prefix stands before the scaler's own lines.
const prefix = "  | "

// dropped are keys of the scaler's log that are the same on each line here, or
// are on the screen already.
var dropped = []string{"ts", "target", "namespace", "workload"}

// LogLine writes a logfmt line of the scaler, without some keys and wrapped
// between the others.
func (s *Screen) LogLine(line string) {
	s.Say("%s", s.paint("2", Wrap(line)))
}

// Wrap shortens and wraps a logfmt line.
func Wrap(line string) string {
	var out strings.Builder
	column := 0
	for _, pair := range split(line) {
		key, _, _ := strings.Cut(pair, "=")
		if slices.Contains(dropped, key) {
			continue
		}
		switch {
		case column == 0:
			out.WriteString(prefix)
			column = len(prefix)
		case column+1+len(pair) > Width:
			out.WriteString("\n" + prefix + "  ")
			column = len(prefix) + 2
		default:
			out.WriteByte(' ')
			column++
		}
		if room := Width - column; len(pair) > room {
			pair = pair[:room-3] + "..."
		}
		out.WriteString(pair)
		column += len(pair)
	}
	return out.String()
}

// Text writes sentences, indented and wrapped.
func (s *Screen) Text(text string) {
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0 || column+1+len(word) > Width:
			if column > 0 {
				out.WriteByte('\n')
			}
			out.WriteString("  ")
			column = 2
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	s.Say("%s", out.String())
}

// split splits a logfmt line at the spaces that are not inside quotes.
func split(line string) []string {
	quoted, escaped := false, false
	return strings.FieldsFunc(line, func(r rune) bool {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = quoted
		case r == '"':
			quoted = !quoted
		case r == ' ':
			return !quoted
		}
		return false
	})
}
