// Package floors recommends the minimum replicas of a calendar, from what the
// load needed in each hour of the week.
package floors

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// floorShare is the share of an hour for which a floor is enough: a floor is for
// what recurs, and the rule is for the rest.
const floorShare = 0.9

// Needs counts how many replicas the load needed in each hour of the week: the
// fewest with which it is below the upper bound of every trigger.
type Needs struct {
	target   config.Target
	location *time.Location
	to       int64
	loads    []float64 // of each trigger; NaN if unknown
	seen     int64
	hour     [7 * 24]map[int32]time.Duration
	days     map[int]bool // that were recorded
}

// NewNeeds returns a count of hours in that location, until that time.
func NewNeeds(t config.Target, location *time.Location, to time.Time) *Needs {
	n := &Needs{target: t, location: location, to: to.UnixNano(), days: map[int]bool{}, loads: make([]float64, len(t.Policy.Triggers))}
	for i := range n.loads {
		n.loads[i] = math.NaN()
	}
	return n
}

// Feed implements replay.Consumer.
func (n *Needs) Feed(_ context.Context, batch []replay.Observation) {
	for _, o := range batch {
		if o.Track < 0 || o.Track >= len(n.loads) || o.Seen >= n.to {
			continue
		}
		n.pass(o.Seen)
		n.loads[o.Track] = math.NaN()
		if o.Kind == replay.Value && !math.IsInf(o.Value, 0) {
			n.loads[o.Track] = o.Value
		}
	}
}

// End implements replay.Consumer.
func (n *Needs) End(context.Context) { n.pass(n.to) }

// pass counts the time from the last observation on, unless it is a gap.
func (n *Needs) pass(until int64) {
	from := n.seen
	n.seen = max(n.seen, until)
	d := time.Duration(until - from)
	if from == 0 || d <= 0 || d > n.target.Policy.MaxAge(0)*10 {
		return
	}
	need := int32(-1) // unknown
	for i, load := range n.loads {
		if !math.IsNaN(load) {
			need = max(need, fewest(n.target.Policy.Triggers[i].Rule, load))
		}
	}
	if need < 0 {
		return
	}
	at := time.Unix(0, from).In(n.location)
	h := int(at.Weekday())*24 + at.Hour()
	if n.hour[h] == nil {
		n.hour[h] = map[int32]time.Duration{}
	}
	n.hour[h][need] += d
	n.days[int(at.Weekday())] = true
}

// fewest is the fewest replicas with which the load is below the bound: none, if
// the rule can do without.
func fewest(r decide.Rule, load float64) int32 {
	n := 1.0
	switch {
	case r.Kind == decide.Target:
		n = math.Ceil(load / r.ValuePerReplica)
	case r.Absolute && load <= r.ScaleDownAt:
		n = 0
	case !r.Absolute && r.ScaleUpAt > 0:
		n = math.Floor(load/r.ScaleUpAt) + 1
	}
	return int32(max(0, min(n, 1e6)))
}

// floor is what is enough for most of an hour of the week, within the limits.
func (n *Needs) floor(hour int) int32 {
	limits := n.target.Policy.Limits
	var all time.Duration
	var numbers []int32
	for need, d := range n.hour[hour] {
		all += d
		numbers = append(numbers, need)
	}
	slices.Sort(numbers)
	var sum time.Duration
	for _, need := range numbers {
		if sum += n.hour[hour][need]; float64(sum) >= floorShare*float64(all) {
			return max(limits.Min, min(need, limits.Max))
		}
	}
	return limits.Min
}

// Floors are recommended entries of a calendar.
type Floors struct {
	YAML     string            `json:"calendar"`
	Figures  replay.Figures    `json:"figures"` // of a replay of the target with them
	Calendar calendar.Calendar `json:"-"`
}

// window is a time of the day, of a floor.
type window struct {
	from, to int // hours; to is outside
	floor    int32
}

// Recommend returns the entries, nil if there is nothing to recommend; why says
// so in words.
func (n *Needs) Recommend() (f *Floors, why string, err error) {
	if len(n.days) < 7 {
		return nil, "No calendar floors: they need a recording of every day of the week.", nil
	}
	// Days with the same windows share their entries.
	byWindows := map[string][]int{}
	windows := map[string][]window{}
	var order []string
	for _, day := range []int{1, 2, 3, 4, 5, 6, 0} {
		w := n.day(day)
		if len(w) == 0 {
			continue
		}
		key := fmt.Sprint(w)
		if byWindows[key] == nil {
			order = append(order, key)
		}
		byWindows[key], windows[key] = append(byWindows[key], day), w
	}
	if len(order) == 0 {
		return nil, "No calendar floors: in no hour of the week did the load need more than min_replicas for most of the time.", nil
	}
	var text strings.Builder
	text.WriteString("calendar:\n")
	for _, key := range order {
		for _, w := range windows[key] {
			fmt.Fprintf(&text, "  - name: %s %02d-%02d\n    location: %s\n    times:\n      - weekdays: [%s]\n        times: [{start_time: '%02d:00', end_time: '%02d:00'}]\n    min_replicas: %d\n",
				daysInShort(byWindows[key]), w.from, w.to, n.location, weekdays(byWindows[key]), w.from, w.to, w.floor)
		}
	}
	f = &Floors{YAML: text.String()}
	f.Calendar, err = parseCalendar(f.YAML)
	return f, "", err
}

// day returns the windows of a weekday. Neighbors that differ by one replica at
// most are one, with the higher floor.
func (n *Needs) day(day int) (all []window) {
	for hour := range 24 {
		floor := n.floor(day*24 + hour)
		if floor <= n.target.Policy.Limits.Min {
			continue
		}
		last := len(all) - 1
		if last >= 0 && all[last].to == hour && max(all[last].floor, floor)-min(all[last].floor, floor) <= 1 {
			all[last].to, all[last].floor = hour+1, max(all[last].floor, floor)
			continue
		}
		all = append(all, window{hour, hour + 1, floor})
	}
	return all
}

func weekdays(days []int) string {
	var names []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j]+1 {
			j++
		}
		name := strings.ToLower(time.Weekday(days[i]).String())
		if j > i {
			name = fmt.Sprintf("'%s:%s'", name, strings.ToLower(time.Weekday(days[j]).String()))
		}
		names = append(names, name)
		i = j + 1
	}
	return strings.Join(names, ", ")
}

func daysInShort(days []int) string {
	var names []string
	for _, d := range days {
		names = append(names, time.Weekday(d).String()[:3])
	}
	if len(names) > 2 && days[len(days)-1]-days[0] == len(days)-1 {
		return names[0] + "-" + names[len(names)-1]
	}
	return strings.Join(names, " ")
}

// parseCalendar reads what was recommended as the file would be read.
func parseCalendar(text string) (calendar.Calendar, error) {
	target := "targets:\n  - rule: {max_replicas: 1000000, allow_flapping: true}\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
	c, err := config.Parse("calendar", []byte(target))
	if err != nil {
		return nil, fmt.Errorf("read the recommended calendar: %w", err)
	}
	return c.Targets[0].Calendar, nil
}
