package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"
)

// Times are alertmanager's time intervals, of which any may contain an
// instant. What was read can be written as YAML and read again.
type Times []timeinterval.TimeInterval

// contain reports whether any of them contains the wall clock's time, which is
// written as one in UTC.
func (t Times) contain(wall time.Time) bool {
	return slices.ContainsFunc(t, func(i timeinterval.TimeInterval) bool { return i.ContainsTime(wall) })
}

// UnmarshalYAML is ParseTimes.
func (t *Times) UnmarshalYAML(n *yaml.Node) (err error) {
	*t, err = ParseTimes(n)
	return err
}

// Fault is what is wrong with one value, and what is wanted instead.
type Fault struct {
	Line int      // of the value in its document
	Path []string // from the list of intervals to the value, as in 0, weekdays, 1
	Text string
}

// Error puts all of it into one line.
func (f Fault) Error() string {
	return fmt.Sprintf("line %d: %s", f.Line, strings.Join(append(slices.Clone(f.Path), f.Text), ": "))
}

// Faults are everything that is wrong with a list of intervals.
type Faults []Fault

// Error has one line for each.
func (f Faults) Error() string {
	var lines []string
	for _, fault := range f {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// ParseTimes reads a list of intervals in alertmanager's syntax. The error is
// Faults.
//
// Alertmanager's own types read them too, but from a node without complaint
// about unknown keys, missing values, empty lists (which are never, and
// become always when they are written and read again) and numbers that are no
// month or year. All those are faults here, and so is an interval's own
// location, since the window has one for all of them.
func ParseTimes(n *yaml.Node) (Times, error) {
	var p parser
	times := list(&p, n, nil, "want a list with at least one entry: a window without times is never active", p.interval)
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return times, nil
}

type parser struct{ faults Faults }

func (p *parser) fault(n *yaml.Node, path []string, format string, args ...any) {
	p.faults = append(p.faults, Fault{n.Line, path, fmt.Sprintf(format, args...)})
}

func under(path []string, key string) []string { return append(slices.Clone(path), key) }

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// list reads every entry of a list.
func list[T any](p *parser, n *yaml.Node, path []string, want string, read func(*yaml.Node, []string) T) []T {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fault(n, path, "%s", want)
		return nil
	}
	var entries []T
	for i, entry := range n.Content {
		entries = append(entries, read(resolve(entry), under(path, strconv.Itoa(i))))
	}
	return entries
}

// listAt reads a mapping's list, if it is there.
func listAt[T any](p *parser, in map[string]yaml.Node, path []string, key string, read func(*yaml.Node, []string) T) []T {
	n, ok := in[key]
	if !ok {
		return nil
	}
	return list(p, &n, under(path, key), "want a list with at least one entry, or leave the key out", read)
}

// mapping returns a mapping's values by their keys.
func (p *parser) mapping(n *yaml.Node, path, keys []string) map[string]yaml.Node {
	all := strings.Join(keys, ", ")
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.fault(n, path, "want a mapping with at least one of: %s", all)
		return nil
	}
	values := map[string]yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		switch _, twice := values[key.Value]; {
		case key.Value == "location":
			p.fault(key, under(path, key.Value), "the calendar's entry has one location for all its times: set it there, and leave this one out")
		case !slices.Contains(keys, key.Value):
			p.fault(key, under(path, key.Value), "unknown key, want one of: %s", all)
		case twice:
			p.fault(key, under(path, key.Value), "the key is repeated: want it once")
		default:
			values[key.Value] = *resolve(n.Content[i+1])
		}
	}
	return values
}

// What is wanted of each kind of range.
const (
	wantTime    = "want start_time before end_time, both as HH:MM from 00:00 to 24:00; a window over midnight is two entries, one to 24:00 and one from 00:00"
	wantWeekday = "want a day or a range within a week from sunday to saturday, for example monday:friday; a weekend is two entries, saturday and sunday"
	wantDay     = "want a day from 1 to 31, or from -1 (the month's last) to -31, or a range of them, for example 1:7 or -3:-1"
	wantMonth   = "want a month or a range within a year from january to december, for example june:august or 6:8; a winter is two entries, december and january:february"
	wantYear    = "want a year of four digits or a range, for example 2026:2027"
)

func (p *parser) interval(n *yaml.Node, path []string) timeinterval.TimeInterval {
	in := p.mapping(n, path, []string{"times", "weekdays", "days_of_month", "months", "years"})
	return timeinterval.TimeInterval{
		Times:       listAt(p, in, path, "times", p.timeRange),
		Weekdays:    listAt(p, in, path, "weekdays", leaf[timeinterval.WeekdayRange](p, wantWeekday, nil)),
		DaysOfMonth: listAt(p, in, path, "days_of_month", leaf[timeinterval.DayOfMonthRange](p, wantDay, nil)),
		// Of months and years alertmanager takes any number.
		Months: listAt(p, in, path, "months", leaf(p, wantMonth, func(r timeinterval.MonthRange) bool { return r.Begin >= 1 && r.End <= 12 })),
		Years:  listAt(p, in, path, "years", leaf(p, wantYear, func(r timeinterval.YearRange) bool { return r.Begin >= 1000 && r.End <= 9999 })),
	}
}

func (p *parser) timeRange(n *yaml.Node, path []string) (r timeinterval.TimeRange) {
	before := len(p.faults)
	values := p.mapping(n, path, []string{"start_time", "end_time"})
	if len(p.faults) > before {
		return r
	}
	if n.Decode(&r) != nil {
		p.fault(n, path, "%q to %q: %s", values["start_time"].Value, values["end_time"].Value, wantTime)
	}
	return r
}

// leaf returns how to read a range that is written as one word. A nil valid
// leaves the check to alertmanager.
func leaf[T any](p *parser, want string, valid func(T) bool) func(*yaml.Node, []string) T {
	return func(n *yaml.Node, path []string) (r T) {
		empty := n.ShortTag() == "!!null" // alertmanager would drop it without a word
		if empty || n.Decode(&r) != nil || valid != nil && !valid(r) {
			p.fault(n, path, "%q: %s", n.Value, want)
		}
		return r
	}
}
