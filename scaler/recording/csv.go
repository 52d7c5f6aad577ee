// Package recording reads files with what a target's queries gave in the past:
// CSV, OpenMetrics, or what promtool writes.
package recording

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// Recording is a stream, and the time that it is of.
type Recording struct {
	replay.Stream
	From, To time.Time // of the first and the last observation
	Samples  int       // observations of triggers
	Replicas bool      // whether there are some of the replicas
	Notes    []string  // what the reader of a result should know
}

// The names of tracks that are no triggers.
const (
	replicasTrack    = "@replicas"
	maxReplicasTrack = "@max_replicas"
)

// Words for values that are no numbers.
const (
	wordNothing  = "no_data"
	wordMany     = "many_series"
	wordUnusable = "unusable"
)

// csvFile is a stream of a file's rows.
type csvFile struct {
	path     string
	triggers []string
}

// OpenCSV returns the recording in a file with the columns time and value and,
// as needed, trigger, seen and replicas. The triggers are those of the target,
// in their order.
func OpenCSV(path string, triggers []string) (*Recording, error) {
	return indexed(csvFile{path, triggers})
}

// indexed reads the stream once, so that its mistakes show and its time is known.
func indexed(s replay.Stream) (*Recording, error) {
	r := &Recording{Stream: s}
	var first, last int64
	err := s.Each(func(batch []replay.Observation) error {
		for _, o := range batch {
			if first == 0 {
				first = o.Seen
			}
			last = o.Seen
			r.Replicas = r.Replicas || o.Track == replay.Replicas
			if o.Track >= 0 {
				r.Samples++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.From, r.To = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
	return r, nil
}

// Each implements replay.Stream.
func (f csvFile) Each(yield func([]replay.Observation) error) error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	defer file.Close()
	return readCSV(f.path, bufio.NewReaderSize(file, 1<<16), f.triggers, yield)
}

// columns are the indexes of a file's columns, -1 for those that it lacks.
type columns struct{ time, value, trigger, seen, replicas int }

func columnsOf(header []string) (columns, error) {
	index := func(name string) int {
		return slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	c := columns{index("time"), index("value"), index("trigger"), index("seen"), index("replicas")}
	if c.time < 0 || c.value < 0 {
		return c, fmt.Errorf("the first line has the columns %s: want time and value and, as needed, trigger, seen and replicas", strings.Join(header, ","))
	}
	return c, nil
}

func readCSV(name string, from io.Reader, triggers []string, yield func([]replay.Observation) error) error {
	r := csv.NewReader(from)
	r.ReuseRecord, r.Comment, r.TrimLeadingSpace = true, '#', true
	at := func(err error) error {
		line, _ := r.FieldPos(0)
		return fmt.Errorf("%s:%d: %w", name, line, err)
	}
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c, err := columnsOf(header)
	if err != nil {
		return at(err)
	}
	batch := make([]replay.Observation, 0, 1024)
	last := int64(math.MinInt64)
	add := func(o replay.Observation) error {
		if o.Seen < last {
			return at(errors.New("the row is from before the last one: sort the file by seen or, without that column, by time"))
		}
		last = o.Seen
		if batch = append(batch, o); len(batch) < cap(batch) {
			return nil
		}
		err := yield(batch)
		batch = batch[:0]
		return err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		o, err := c.observation(row, triggers)
		if err != nil {
			return at(err)
		}
		if c.replicas >= 0 && row[c.replicas] != "" {
			n, err := strconv.ParseFloat(row[c.replicas], 64)
			if err != nil || !(n >= 0) {
				return at(fmt.Errorf("replicas %q: want a number", row[c.replicas]))
			}
			if err := add(replay.Observation{Track: replay.Replicas, Seen: o.Seen, At: o.Seen, Value: n}); err != nil {
				return err
			}
		}
		if c.replicas >= 0 && row[c.value] == "" {
			continue
		}
		if err := add(o); err != nil {
			return err
		}
	}
	if len(batch) > 0 {
		return yield(batch)
	}
	return nil
}

func (c columns) observation(row []string, triggers []string) (o replay.Observation, err error) {
	if c.trigger >= 0 || len(triggers) > 1 {
		name := ""
		if c.trigger >= 0 {
			name = row[c.trigger]
		}
		if o.Track, err = trackOf(name, triggers); err != nil {
			return o, err
		}
	}
	if text := row[c.time]; text != "" {
		if o.At, err = parseTime(text); err != nil {
			return o, err
		}
	}
	o.Seen = o.At
	if c.seen >= 0 {
		if o.Seen, err = parseTime(row[c.seen]); err != nil {
			return o, err
		}
	} else if o.At == 0 {
		return o, errors.New("no time: want seconds since 1970, or a time as in 2026-01-31T12:00:00Z")
	}
	o.Kind, o.Value, err = parseValue(row[c.value])
	if c.replicas >= 0 && row[c.value] == "" {
		err = nil
	}
	return o, err
}

func trackOf(name string, triggers []string) (int, error) {
	switch i := slices.Index(triggers, name); {
	case i >= 0:
		return i, nil
	case name == replicasTrack:
		return replay.Replicas, nil
	case name == maxReplicasTrack:
		return replay.MaxReplicas, nil
	case len(triggers) == 1 && triggers[0] == "":
		return 0, fmt.Errorf("trigger %q: the target has one query, without a name: leave the column empty", name)
	}
	return 0, fmt.Errorf("trigger %q: want one of %s", name, strings.Join(triggers, ", "))
}

func trackName(track int, triggers []string) string {
	switch track {
	case replay.Replicas:
		return replicasTrack
	case replay.MaxReplicas:
		return maxReplicasTrack
	}
	return triggers[track]
}

// parseTime reads seconds (or milliseconds, which are far larger) since 1970, or
// a time of RFC 3339. It is exact to the millisecond.
func parseTime(text string) (int64, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e14 {
		if seconds > 1e11 {
			seconds /= 1000
		}
		return int64(math.Round(seconds*1000)) * 1e6, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("time %q: want seconds since 1970, or a time as in 2026-01-31T12:00:00Z", text)
	}
	return t.UnixNano(), nil
}

func parseValue(text string) (replay.Kind, float64, error) {
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return replay.Value, v, nil
	}
	switch word, _, _ := strings.Cut(text, ":"); word {
	case wordNothing, "":
		return replay.Nothing, 0, nil
	case wordMany:
		return replay.Many, 2, nil
	case wordUnusable:
		return replay.Unusable, 0, nil
	}
	return 0, 0, fmt.Errorf("value %q: want a number, or %s, %s or %s", text, wordNothing, wordMany, wordUnusable)
}
