package recording

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promql"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// lookback is for how long Prometheus takes a sample for the newest of its
// series, unless it is set otherwise.
const lookback = 5 * time.Minute

// SeriesFile is a file of samples: OpenMetrics with timestamps, as of promtool
// tsdb dump-openmetrics, or what promtool tsdb dump writes.
type SeriesFile struct {
	Path string
	// Selectors say which series of the file each trigger's query gave; ""
	// for the only one that there is.
	Selectors []string
	Replicas  string // the same for the replicas; "" for none
}

// series is one of a file.
type series struct {
	text        string // as in the file
	labels      labels.Labels
	offset      int64 // of the first line
	samples     int
	first, last int64
}

// Open returns the recording in the file. Samples are read when they are
// needed, so the file may be larger than the memory.
func (f SeriesFile) Open() (*Recording, error) {
	all, err := f.index()
	if err != nil {
		return nil, err
	}
	m := &merged{path: f.Path}
	for i, selector := range f.Selectors {
		chosen, err := f.choose(all, selector)
		if err != nil {
			return nil, err
		}
		m.tracks = append(m.tracks, track{i, chosen})
	}
	if f.Replicas != "" {
		if chosen, err := f.choose(all, f.Replicas); err == nil {
			m.tracks = append(m.tracks, track{replay.Replicas, chosen})
		}
	}
	return indexed(m)
}

// index reads which series the file has.
func (f SeriesFile) index() ([]*series, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	defer file.Close()
	byText := map[string]*series{}
	var all []*series
	err = eachLine(f.Path, file, func(offset int64, name []byte, at int64, _ float64) error {
		s := byText[string(name)]
		if s == nil {
			parsed, err := promql.ParseSeries(string(name))
			if err != nil {
				return err
			}
			s = &series{text: string(name), labels: parsed, offset: offset, first: at}
			byText[s.text] = s
			all = append(all, s)
		}
		if s.samples > 0 && at < s.last {
			return fmt.Errorf("the samples of %s are not in the order of their time", s.text)
		}
		s.samples++
		s.last = at
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: no samples: want OpenMetrics with timestamps, the output of promtool tsdb dump, or CSV", f.Path)
	}
	return all, err
}

// choose returns the series that the selector selects, one after the other.
func (f SeriesFile) choose(all []*series, selector string) ([]*series, error) {
	var chosen []*series
	if selector == "" {
		if len(all) > 1 {
			return nil, fmt.Errorf("%s has %d series, and the target's query is more than a selector: name the series with its result by --series, or convert it to CSV", f.Path, len(all))
		}
		return all, nil
	}
	matches, err := promql.ParseSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("series %s: %w", selector, err)
	}
	for _, s := range all {
		if matches(s.labels) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s has no series %s: it has %s", f.Path, selector, some(all))
	}
	slices.SortFunc(chosen, func(a, b *series) int { return cmp.Compare(a.first, b.first) })
	for i, s := range chosen[1:] {
		if s.first <= chosen[i].last {
			return nil, fmt.Errorf("%s: %s and %s are both of %s, at the same time: say by --series which one counts", f.Path, chosen[i].text, s.text, selector)
		}
	}
	return chosen, nil
}

// some names a few series.
func some(all []*series) string {
	const few = 5
	var names []string
	for _, s := range all[:min(few, len(all))] {
		names = append(names, s.text)
	}
	if len(all) > few {
		names = append(names, fmt.Sprintf("and %d more", len(all)-few))
	}
	return strings.Join(names, ", ")
}

// track is the series that one query's samples are in, one after the other.
type track struct {
	index  int
	series []*series
}

// merged is a stream of several tracks of a file.
type merged struct {
	path   string
	tracks []track
}

// Each implements replay.Stream.
func (m *merged) Each(yield func([]replay.Observation) error) error {
	var cursors []*cursor
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	for _, t := range m.tracks {
		c := &cursor{path: m.path, track: t}
		cursors = append(cursors, c)
		if err := c.next(); err != nil {
			return err
		}
	}
	batch := make([]replay.Observation, 0, 1024)
	for {
		var first *cursor
		for _, c := range cursors {
			if !c.done && (first == nil || c.now.Seen < first.now.Seen) {
				first = c
			}
		}
		if first == nil {
			return yield(batch)
		}
		if batch = append(batch, first.now); len(batch) == cap(batch) {
			if err := yield(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if err := first.next(); err != nil {
			return err
		}
	}
}

// cursor reads one track.
type cursor struct {
	path   string
	track  track
	file   *os.File
	lines  *bufio.Reader
	left   int // samples of the series that is read
	now    replay.Observation
	queued *replay.Observation // comes after now
	done   bool
}

func (c *cursor) close() {
	if c.file != nil {
		c.file.Close()
	}
	c.file = nil
}

// next reads the next observation.
func (c *cursor) next() error {
	if c.queued != nil {
		c.now, c.queued = *c.queued, nil
		return nil
	}
	before := c.now
	if c.done = c.left == 0 && len(c.track.series) == 0; c.done {
		c.close()
		return nil
	}
	if c.left == 0 {
		if err := c.open(); err != nil {
			return err
		}
	}
	at, value, err := c.sample()
	if err != nil {
		return err
	}
	c.now = replay.Observation{Track: c.track.index, Seen: at, At: at, Value: value}
	if math.IsNaN(value) { // most are marks that the series has ended
		c.now.Kind = replay.Nothing
	}
	if gone := before.At + int64(lookback); before.At != 0 && before.Kind == replay.Value && gone < at {
		sample := c.now
		c.queued, c.now = &sample, replay.Observation{Track: c.track.index, Seen: gone, Kind: replay.Nothing}
	}
	return nil
}

// open starts to read the next series.
func (c *cursor) open() error {
	if c.file == nil {
		file, err := os.Open(c.path)
		if err != nil {
			return fmt.Errorf("read the recording: %w", err)
		}
		c.file, c.lines = file, bufio.NewReaderSize(nil, 1<<16)
	}
	s := c.track.series[0]
	if _, err := c.file.Seek(s.offset, io.SeekStart); err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	c.lines.Reset(c.file)
	c.left = s.samples
	return nil
}

// sample reads the next sample of the series.
func (c *cursor) sample() (at int64, value float64, err error) {
	s := c.track.series[0]
	for {
		line, err := c.lines.ReadSlice('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return 0, 0, fmt.Errorf("%s: read the recording: %w", c.path, err)
		}
		name, at, value, err := parseLine(line)
		if err != nil || string(name) != s.text {
			continue // the first pass found no mistake
		}
		if c.left--; c.left == 0 {
			c.track.series = c.track.series[1:]
		}
		return at, value, nil
	}
}

// eachLine calls found for each sample.
func eachLine(path string, from io.Reader, found func(offset int64, name []byte, at int64, value float64) error) error {
	r := bufio.NewReaderSize(from, 1<<16)
	offset := int64(0)
	for number := 1; ; number++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
		start := offset
		offset += int64(len(line))
		if text := bytes.TrimSpace(line); len(text) == 0 || text[0] == '#' {
			continue
		}
		name, at, value, err := parseLine(line)
		if err == nil {
			err = found(start, name, at, value)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
}

// parseLine reads SERIES VALUE TIMESTAMP, with an exemplar after it as the case
// may be.
func parseLine(line []byte) (name []byte, at int64, value float64, err error) {
	line = bytes.TrimSpace(line)
	if i := bytes.Index(line, []byte(" # ")); i >= 0 {
		line = line[:i]
	}
	bad := func() error {
		return fmt.Errorf("%.80q: want a series, a value and a time, as promtool tsdb dump and dump-openmetrics write them", line)
	}
	last := bytes.LastIndexByte(line, ' ')
	if last < 0 {
		return nil, 0, 0, bad()
	}
	middle := bytes.LastIndexByte(bytes.TrimRight(line[:last], " "), ' ')
	if middle < 0 {
		return nil, 0, 0, bad()
	}
	value, err = strconv.ParseFloat(string(bytes.TrimSpace(line[middle:last])), 64)
	if err != nil {
		return nil, 0, 0, bad()
	}
	if at, err = parseTime(string(line[last+1:])); err != nil {
		return nil, 0, 0, bad()
	}
	return bytes.TrimSpace(line[:middle]), at, value, nil
}

// Format is how a file is written.
type Format int

// The formats.
const (
	CSV Format = iota
	Samples
)

// FormatOf returns the format of a file, by its first line that is no comment.
func FormatOf(path string) (Format, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("read the recording: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := columnsOf(strings.Split(line, ",")); err == nil {
			return CSV, nil
		}
		return Samples, nil
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return 0, fmt.Errorf("%s has no samples: want CSV with the columns time and value, OpenMetrics with timestamps, or the output of promtool tsdb dump", path)
}
