package page

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/go-logfmt/logfmt"
	"golang.org/x/net/html"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/report"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var update = flag.Bool("update", false, "Write the golden files.")

// day is a day in an office, with a few things going wrong: a load that is read
// every ten seconds, and a workload.
type day struct {
	start    time.Time
	replicas int32
	version  int
	paused   bool
	conflict bool // with the next write
	writer   workload.Writer
}

func (d *day) at(clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return d.start.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
}

func (d *day) between(from, to string, at time.Time) bool {
	return !at.Before(d.at(from)) && at.Before(d.at(to))
}

// load is low at night, and highest in the early afternoon.
func (d *day) load(at time.Time) float64 {
	hour := at.Sub(d.start).Hours()
	load := 12 + 170*math.Max(0, math.Sin((hour-7)/12*math.Pi))
	if d.between("12:30", "12:45", at) {
		load += 300
	}
	return math.Round(load)
}

// Read implements loop.Reader.
func (d *day) Read(context.Context) sample.Result {
	now := time.Now()
	s := sample.Result{Outcome: sample.Value, Timestamp: now.Truncate(10 * time.Second), Now: now}
	switch {
	case d.between("03:10", "03:25", now):
		return sample.Result{Outcome: sample.NoData, Now: now}
	case d.between("20:00", "20:05", now):
		s.Outcome, s.Value = sample.NotANumber, math.NaN()
		return s
	}
	s.Value = d.load(s.Timestamp)
	return s
}

// Get implements loop.Scaler.
func (d *day) Get(context.Context) (workload.Scale, error) {
	switch now := time.Now(); {
	case d.between("16:05", "16:06", now) && d.replicas != 1 && d.writer.Manager != "kubectl":
		d.replicas, d.writer = 1, workload.Writer{Manager: "kubectl"}
		d.version++
	default:
		d.paused = d.between("14:00", "14:20", now)
	}
	return workload.Scale{Replicas: d.replicas, ResourceVersion: fmt.Sprint(d.version), UID: "7c3e", Pause: workload.Pause{Up: d.paused, Down: d.paused}, Writer: d.writer}, nil
}

// Set implements loop.Scaler.
func (d *day) Set(_ context.Context, _ workload.Scale, replicas int32) error {
	if d.conflict && d.between("18:00", "23:59", time.Now()) {
		d.conflict = false
		return fmt.Errorf("set the scale: %w", apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "deployments"}, "engine", errors.New("the object has been modified")))
	}
	d.replicas, d.writer = replicas, workload.Writer{Manager: workload.FieldManager, Subresource: "scale"}
	d.version++
	return nil
}

// ScaledByHPA implements loop.Scaler.
func (d *day) ScaledByHPA(context.Context) (string, error) { return "", nil }

const dayConfig = `
targets:
  - name: engine
    workload: {namespace: bpm, name: engine}
    query: load
    rule: {max_replicas: 6}
    calendar:
      - {name: office, location: UTC, times: [{times: [{start_time: "08:00", end_time: "18:00"}]}], min_replicas: 2}
`

// One day as the log, the Events, the journal, the page and a backtest tell it.
// They are kept as files, to be read, and tell the same.
func TestOneDay(t *testing.T) {
	var l lived
	synctest.Test(t, func(t *testing.T) { l = live(t) })
	t.Run("files", func(t *testing.T) {
		golden(t, "day.log.txt", l.log)
		golden(t, "day.events.txt", []byte(strings.Join(l.events, "\n")+"\n"))
		golden(t, "day.journal.txt", []byte(told(l.journal)))
		golden(t, "day.html", []byte(l.page))
	})
	t.Run("log and journal", func(t *testing.T) { logIsJournal(t, l.log, l.journal) })
	t.Run("Events and journal", func(t *testing.T) { eventsAreJournal(t, l.events, l.journal) })
	t.Run("page and journal", func(t *testing.T) { pageIsJournal(t, l.page, l.journal) })
	t.Run("backtest and journal", func(t *testing.T) { backtestIsJournal(t, l) })
}

// lived is what there is after the day.
type lived struct {
	*day
	target  config.Target
	log     []byte
	events  []string
	journal []journal.Entry // the oldest first
	page    string
}

func live(t *testing.T) (l lived) {
	c, err := config.Parse("day.yml", []byte(dayConfig))
	if err != nil {
		t.Fatal(err)
	}
	l.target = c.Targets[0]
	l.day = &day{start: time.Now(), replicas: 1, conflict: true}
	j := journal.New(1 << 20)
	kept := j.Target(l.target.Name)
	kept.Configure(l.target)
	kept.Start()
	var logged bytes.Buffer
	logger := level.NewFilter(log.With(log.NewLogfmtLogger(&logged), "ts", log.Valuer(func() any { return clock(time.Now()) })), level.AllowInfo())
	record := func(e event.Event) {
		l.events = append(l.events, fmt.Sprintf("%s %s %s", clock(time.Now()), e.Reason, e.Message))
	}
	ctx, cancel := context.WithDeadline(t.Context(), l.start.Add(24*time.Hour-time.Second))
	defer cancel()
	looptest.Run(ctx, loop.New(&l.target, loop.Sources{Triggers: []loop.Reader{l.day}}, l.day, loop.Observers{kept, report.NewLog(logger), report.Events{Record: record}}))
	for e := range kept.Backward(time.Now().Add(time.Second)) {
		l.journal = append(l.journal, e)
	}
	slices.Reverse(l.journal)
	if len(l.journal) < 8600 {
		t.Fatalf("%d decisions in a day", len(l.journal))
	}
	l.log = logged.Bytes()
	l.page, _ = get(t, newPages(j), "/targets/engine?range=24h0m0s", 200)
	return l
}

// eventsAreJournal wants an Event for each step of the journal, and no other.
func eventsAreJournal(t *testing.T, events []string, all []journal.Entry) {
	var want []string
	for _, e := range all {
		what := map[decide.Action]string{decide.Up: "ScaledUp Scaled", decide.Down: "ScaledDown Scaled"}[e.Action]
		if e.Failed() {
			what = "ScalingFailed Could not scale"
		}
		if what != "" {
			want = append(want, fmt.Sprintf("%s %s from %d to %d replicas", clock(e.At), what, e.From, e.To))
		}
	}
	if len(events) != len(want) || len(want) < 10 {
		t.Fatalf("%d Events, want %d", len(events), len(want))
	}
	for i, e := range events {
		if !strings.HasPrefix(e, want[i]) {
			t.Errorf("the Event %q, want %q", e, want[i])
		}
	}
}

// pageIsJournal wants that the page has the journal's newest rows, and all steps.
func pageIsJournal(t *testing.T, page string, all []journal.Entry) {
	text := html.UnescapeString(page)
	runs := joined(all)
	shown := strings.Count(page, "rowheader")
	if shown < 15 {
		t.Errorf("%d rows", shown)
	}
	// The oldest row is the start of a run whose rest is on the next page.
	for _, r := range slices.Backward(runs[len(runs)-shown+1:]) {
		row := clock(r.Oldest.Time) + "</time>"
		_, after, found := strings.Cut(text, row)
		if !found {
			t.Fatalf("no row %s", row)
		}
		text = after
		if cells, _, _ := strings.Cut(text, "</tr>"); !strings.Contains(cells, r.Newest.Did) || !strings.Contains(cells, r.Newest.Reason) {
			t.Errorf("%s: no %s in %s", row, r.Newest.Did, cells)
		}
	}
	steps := 0
	for _, e := range all {
		if action, _ := e.Result(); action != decide.None {
			steps++
		}
	}
	if got := strings.Count(page, `<path class="step `); got != 2*steps { // in two pictures
		t.Errorf("%d steps are drawn, of %d", got, steps)
	}
}

func clock(at time.Time) string { return at.UTC().Format(time.TimeOnly) }

// joined are the day's runs, the oldest first.
func joined(all []journal.Entry) []api.Run {
	var runs []api.Run
	for _, e := range slices.Backward(all) {
		runs = api.Join(runs, api.NewDecision(e))
	}
	slices.Reverse(runs)
	return runs
}

// told is the journal as text.
func told(all []journal.Entry) string {
	var b strings.Builder
	for _, r := range joined(all) {
		fmt.Fprintf(&b, "%s-%s %d %s %s\n  %s\n", clock(r.Oldest.Time), clock(r.Newest.Time), r.Decisions, r.Newest.Action, r.Newest.Reason, r.Newest.Did)
		if r.Newest.Next != "" {
			fmt.Fprintf(&b, "  %s\n", r.Newest.Next)
		}
	}
	return b.String()
}

// logIsJournal wants that each line of a decision is that of the journal at that
// time.
func logIsJournal(t *testing.T, text []byte, all []journal.Entry) {
	byTime := map[string]map[string]string{}
	for _, e := range all {
		line := map[string]string{}
		keys := report.Line(e.Decision)
		for i := 0; i < len(keys); i += 2 {
			value := "null"
			if keys[i+1] != nil {
				value = fmt.Sprint(keys[i+1])
			}
			line[fmt.Sprint(keys[i])] = value
		}
		byTime[clock(e.At)] = line
	}
	lines := 0
	for d := logfmt.NewDecoder(bytes.NewReader(text)); d.ScanRecord(); {
		line := map[string]string{}
		for d.ScanKeyval() {
			line[string(d.Key())] = string(d.Value())
		}
		if line["action"] == "" {
			continue
		}
		lines++
		kept := byTime[line["ts"]]
		for key, value := range line {
			if key != "ts" && key != "level" && kept[key] != value {
				t.Errorf("%s: the log says %s=%s, the journal %s", line["ts"], key, value, kept[key])
			}
		}
	}
	if lines < 100 {
		t.Errorf("only %d lines", lines)
	}
}

// backtestIsJournal wants that a replay of the samples takes the same steps, up
// to what a replay cannot know: that a person paused the target.
func backtestIsJournal(t *testing.T, l lived) {
	d, end := l.day, l.at("14:00")
	var observed []replay.Observation
	for at := d.start; at.Before(end); at = at.Add(10 * time.Second) {
		o := replay.Observation{Seen: at.UnixNano(), At: at.UnixNano(), Value: d.load(at)}
		if d.between("03:10", "03:25", at) {
			o = replay.Observation{Seen: at.UnixNano(), Kind: replay.Nothing}
		}
		observed = append(observed, o)
	}
	r := replay.NewRun(l.target, replay.Options{From: d.start, To: end, Start: 1, Judge: replay.JudgeOf(l.target)})
	r.Feed(t.Context(), observed)
	r.End(t.Context())
	var want []string
	for _, e := range l.journal {
		if e.At.Before(end) && e.Action != decide.None {
			want = append(want, fmt.Sprintf("%s %d->%d %s", clock(e.Sample().Timestamp), e.From, e.To, e.Reason))
		}
	}
	var got []string
	for _, s := range r.Steps {
		got = append(got, fmt.Sprintf("%s %d->%d %s", clock(s.Sample), s.From, s.To, s.Reason))
	}
	if !slices.Equal(got, want) || len(want) < 5 {
		t.Errorf("the backtest steps\n%s\nthe journal\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var versions = regexp.MustCompile(`(?s)<style>.*?</style>`)

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	got = versions.ReplaceAll(got, []byte("<style></style>"))
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: run go test ./page -update and look at the difference", path)
	}
}
