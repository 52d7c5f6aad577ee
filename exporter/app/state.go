package app

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// state describes what the latest scrape found, for the page.
func (x *Exporter) state(now time.Time) []web.Detail {
	s := x.started.Status(now)
	details := []web.Detail{x.engineState(s), x.recentState(s, now)}
	total := web.Detail{Name: "Started in total", Value: fmt.Sprint(s.Total), Note: "since the exporter started"}
	if s.Late > 0 {
		total.Note += fmt.Sprintf("; %d of them became visible after their window was counted", s.Late)
	}
	details = append(details, total, historyState(s), clockState(s))
	failures := x.set.Failures()
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		details = append(details, web.Detail{Name: "Collector " + name, Value: "fails", Note: failures[name].Error(), Bad: true})
	}
	return details
}

func (x *Exporter) engineState(s collector.Status) web.Detail {
	d := web.Detail{Name: "Engine", Value: "answers", Note: x.options.URL}
	switch {
	case !s.Counted:
		d.Value, d.Note = "not queried yet", x.options.URL+": every scrape of the metrics queries it"
	case s.Err != nil:
		d.Value, d.Note, d.Bad = "does not answer", x.options.URL+": "+s.Err.Error(), true
	}
	return d
}

func (x *Exporter) recentState(s collector.Status, now time.Time) web.Detail {
	d := web.Detail{Name: "Recently started", Value: "missing", Bad: true}
	switch s.Missing {
	case "":
		end := s.Window.End.UTC()
		d.Value, d.Bad = fmt.Sprintf("%d in %s", s.Recent, x.options.Window), false
		d.Note = fmt.Sprintf("from %s to %s UTC, which was %s ago",
			end.Add(-x.options.Window).Format(time.DateTime), end.Format(time.TimeOnly), now.Sub(end).Round(time.Second))
	case collector.NotCounted:
		switch {
		case !s.Counted:
			d.Note, d.Bad = "nothing has scraped the metrics yet", false
		case s.Err != nil:
			d.Note = "the engine did not answer the latest count, see above"
		default:
			d.Note = "no window has been counted yet; the next scrape counts one"
		}
	case collector.HistoryUnreadable:
		d.Note = "history cannot be read, see below"
	case collector.HistoryUnknown:
		d.Note = "history is empty, and it is unknown whether it can be read: see below"
	case collector.ClockWrong:
		d.Note = "a clock is wrong, see below"
	case collector.MisdatedFound:
		d.Note = "start times are hours off, see below"
	}
	return d
}

func historyState(s collector.Status) web.Detail {
	d := web.Detail{Name: "History"}
	switch {
	case s.Misdated > 0:
		d.Value, d.Bad = fmt.Sprintf("%d instances with start times hours off", s.Misdated), true
		d.Note = "in five minutes; give all engine nodes on the database the same time zone"
	case s.History == instances.Readable:
		d.Value = "readable"
	case s.History == instances.Empty:
		d.Value = "empty: no instance was ever started"
	case s.History == instances.Unreadable:
		d.Value, d.Bad = "unreadable", true
		d.Note = s.Evidence + "; set the history level to activity or above, or grant READ_HISTORY"
	default:
		d.Value = "unknown"
		if s.Counted && s.Err == nil {
			d.Note = "it shows no instance; start one to find out, or check the history level and the grant READ_HISTORY"
		}
	}
	return d
}

func clockState(s collector.Status) web.Detail {
	d := web.Detail{Name: "Engine clock", Value: "unknown", Bad: s.Missing == collector.ClockWrong}
	switch skew := s.Clock.Skew().Round(time.Second / 10); {
	case skew > 0:
		d.Value = fmt.Sprintf("at least %s ahead of the exporter's", skew)
	case skew < 0:
		d.Value = fmt.Sprintf("at least %s behind the exporter's", -skew)
	case s.Clock.Known:
		d.Value = "agrees with the exporter's to within a second"
	}
	return d
}
