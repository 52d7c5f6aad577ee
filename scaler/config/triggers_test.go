package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

const triggersDoc = "../../docs/triggers.md"

// The table of how triggers combine is what Decide does.
func TestTriggersTable(t *testing.T) {
	text, err := os.ReadFile(triggersDoc)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d|no data)(, optional)? \| (\d|no data)(, optional)? \| (\d) \|`).FindAllStringSubmatch(string(text), -1)
	if lines := strings.Count(string(text), "\n|"); len(rows) != lines-2 {
		t.Fatalf("understood %d rows of %d", len(rows), lines-2)
	}
	now := time.Unix(1700000000, 0)
	for _, row := range rows {
		trigger := func(name, optional string) string {
			return fmt.Sprintf("{name: %s, query: x, optional: %t, rule: {type: target, value_per_replica: 1}}", name, optional != "")
		}
		c, err := Parse("x.yml", fmt.Appendf(nil, "targets: [{triggers: [%s, %s], rule: {max_replicas: 10}}]", trigger("lag", row[2]), trigger("requests", row[4])))
		if err != nil {
			t.Fatal(err)
		}
		in := decide.Input{Now: now, Replicas: 4, Limits: c.Targets[0].Policy.Limits}
		for _, wants := range []string{row[1], row[3]} {
			s := sample.Result{Outcome: sample.NoData, Now: now}
			if _, err := fmt.Sscan(wants, &s.Value); err == nil { // as many replicas, with one each
				s.Outcome, s.Timestamp = sample.Value, now
			}
			in.Samples = append(in.Samples, s)
		}
		if got, _ := c.Targets[0].Policy.Decide(in, decide.NewState(now.Add(-time.Minute))); fmt.Sprint(got.To) != row[5] {
			t.Errorf("%s\ngot %+v", row[0], got)
		}
	}
}

// The drawing is what check-config draws of the example.
func TestTimelineDrawing(t *testing.T) {
	c, err := Parse(triggersDoc, []byte(example(t, triggersDoc)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(triggersDoc)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.SplitSeq(c.Explain(), "\n") {
		if strings.Contains(line, "|--") {
			lines++
			if !strings.Contains(string(text), "\n"+line+"\n") {
				t.Errorf("%s does not have\n%s", triggersDoc, line)
			}
		}
	}
	if lines != 4 {
		t.Errorf("%d lines, want 4", lines)
	}
}
