package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// The page says the last window with its times, and for each reason why there is
// no number.
func TestRecentState(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 12, 0, time.FixedZone("", 3600))
	for name, test := range map[string]struct {
		status collector.Status
		value  string
		note   string
		bad    bool
	}{
		"a number": {
			collector.Status{Counted: true, Recent: 42, Window: window.Window{End: now.Add(-7 * time.Second)}},
			"42 in 10s", "from 2026-02-28 22:59:55 to 23:00:05 UTC, which was 7s ago", false,
		},
		"no scrape":           {collector.Status{Missing: collector.NotCounted}, "missing", "nothing has scraped the metrics yet", false},
		"no answer":           {collector.Status{Missing: collector.NotCounted, Counted: true, Err: errors.New("refused")}, "missing", "the engine did not answer", true},
		"no window":           {collector.Status{Missing: collector.NotCounted, Counted: true}, "missing", "no window has been counted yet", true},
		"history unreadable":  {collector.Status{Missing: collector.HistoryUnreadable, Counted: true}, "missing", "history cannot be read", true},
		"history unknown":     {collector.Status{Missing: collector.HistoryUnknown, Counted: true}, "missing", "history is empty, and it is unknown whether", true},
		"a clock":             {collector.Status{Missing: collector.ClockWrong, Counted: true}, "missing", "a clock is wrong", true},
		"start times far off": {collector.Status{Missing: collector.MisdatedFound, Counted: true}, "missing", "start times are hours off", true},
	} {
		t.Run(name, func(t *testing.T) {
			x := &Exporter{options: Options{}}
			x.options.Window = 10 * time.Second
			got := x.recentState(test.status, now)
			if got.Value != test.value || !strings.Contains(got.Note, test.note) || got.Bad != test.bad {
				t.Errorf("got %+v", got)
			}
		})
	}
}
