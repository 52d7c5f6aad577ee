package download

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/recording"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// head is the first line of a file that a download writes, after headMark.
type head struct {
	Target  string        `json:"target"`
	Queries []string      `json:"queries"`
	Given   [2]string     `json:"given"` // --from and --to
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Step    time.Duration `json:"step_nanoseconds"` // 0 until it is known
}

// A file of a download is CSV with comments: the head, and after each chunk the
// time until which the file is complete.
const (
	headMark  = "# camunda-scaler recording "
	untilMark = "# until "
	headSize  = 4096 // of the padded first line, so that it can be written again
)

// cache is a file of a download.
type cache struct {
	file  *os.File
	path  string
	head  head
	until time.Time                  // it is complete until then
	last  map[int]replay.Observation // of each track
}

// openCache reads what an earlier download has left, or starts the file.
func openCache(file *os.File, path string, d Request, triggers []string) (*cache, error) {
	c := &cache{file: file, path: path, last: map[int]replay.Observation{}, head: head{
		Target: d.Target.Name, Queries: d.texts(), Given: d.Given, From: d.From, To: d.To,
	}}
	r := bufio.NewReader(file)
	first, err := r.ReadString('\n')
	if errors.Is(err, io.EOF) && first == "" {
		c.until = c.head.From
		return c, c.writeHead()
	}
	text, ours := strings.CutPrefix(first, headMark)
	var old head
	if err != nil || !ours || json.Unmarshal([]byte(text), &old) != nil {
		return nil, fmt.Errorf("%s is no file of a download: name another file by --cache, or read this one by --file", path)
	}
	if old.Target != c.head.Target || !reflect.DeepEqual(old.Queries, c.head.Queries) {
		return nil, fmt.Errorf("%s was downloaded for target %s with other queries: delete it, or name another file by --cache", path, old.Target)
	}
	if old.Given != c.head.Given {
		return nil, fmt.Errorf("%s was downloaded with --from=%s --to=%s: delete it, or name another file by --cache", path, old.Given[0], old.Given[1])
	}
	c.head = old
	return c, c.resume(r, int64(len(first)), triggers)
}

func (d Request) texts() (all []string) {
	for _, q := range d.Target.Queries {
		all = append(all, q.PromQL, q.Timestamp)
	}
	return append(all, d.Target.MaxReplicasQuery, d.Replicas)
}

// resume finds the end of the last complete chunk.
func (c *cache) resume(r *bufio.Reader, offset int64, triggers []string) error {
	c.until = c.head.From
	complete := int64(headSize + len(recording.Header))
	pending := map[int]replay.Observation{}
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // a line without an end was cut off
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", c.path, err)
		}
		offset += int64(len(line))
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		if until, ok := strings.CutPrefix(text, untilMark); ok {
			at, err := time.Parse(time.RFC3339Nano, until)
			if err != nil {
				return fmt.Errorf("%s is damaged: %w: delete it", c.path, err)
			}
			c.until, complete = at, offset
			maps.Copy(c.last, pending)
			continue
		}
		if o, err := recording.ParseRow(text, triggers); err == nil { // the header is none
			pending[o.Track] = o
		}
	}
	if err := c.file.Truncate(complete); err != nil {
		return fmt.Errorf("cut %s after the last complete chunk: %w", c.path, err)
	}
	if _, err := c.file.Seek(complete, io.SeekStart); err != nil {
		return fmt.Errorf("write %s: %w", c.path, err)
	}
	return nil
}

// writeHead writes the first lines.
func (c *cache) writeHead() error {
	text, err := json.Marshal(c.head)
	if err != nil {
		return fmt.Errorf("write %s: %w", c.path, err)
	}
	line := headMark + string(text)
	if len(line) >= headSize {
		return fmt.Errorf("write %s: the queries are too long for its first line", c.path)
	}
	line += strings.Repeat(" ", headSize-1-len(line)) + "\n"
	if _, err := c.file.WriteAt([]byte(line+recording.Header), 0); err != nil {
		return fmt.Errorf("write %s: %w", c.path, err)
	}
	if _, err := c.file.Seek(int64(headSize+len(recording.Header)), io.SeekStart); err != nil {
		return fmt.Errorf("write %s: %w", c.path, err)
	}
	return nil
}

// write appends a chunk that is complete until end.
func (c *cache) write(rows []replay.Observation, end time.Time, triggers []string) error {
	var text []byte
	for _, o := range rows {
		text = recording.AppendRow(text, o, triggers)
	}
	text = append(text, untilMark+end.UTC().Format(time.RFC3339Nano)+"\n"...)
	if _, err := c.file.Write(text); err != nil {
		return fmt.Errorf("write %s: %w", c.path, err)
	}
	c.until = end
	return nil
}
