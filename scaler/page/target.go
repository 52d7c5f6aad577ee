package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
)

// ranges are the parts of the past that a picture can show.
var ranges = []time.Duration{30 * time.Minute, 3 * time.Hour, 12 * time.Hour, 24 * time.Hour}

const defaultRange = 3 * time.Hour

type rangeLink struct {
	Text, Address string
	Current       bool
}

// run is a row of the journal.
type run struct {
	api.Run
	Class   string
	Change  string // of the replicas
	Foreign string // what another writer did
}

func (p Pages) target(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name == "" {
		name = r.URL.Query().Get("name")
	}
	root := strings.Repeat("../", strings.Count(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"))
	h := p.head(r, name, root)
	t := p.Server.Journal.Find(name)
	if t == nil {
		write(w, targetTemplate, h, struct {
			head
			Missing bool
		}{h, true}, http.StatusNotFound)
		return
	}
	q := r.URL.Query()
	long := defaultRange
	if asked, err := time.ParseDuration(q.Get("range")); err == nil && slices.Contains(ranges, asked) {
		long = asked
	}
	before := h.Time.Add(time.Second)
	if asked, err := time.Parse(time.RFC3339Nano, q.Get("before")); err == nil {
		before = asked
	}
	status := t.Status()
	data := struct {
		head
		row
		Missing bool
		Charts  []chart
		Shadow  []string // how a dry run compares with what really happens
		Ranges  []rangeLink
		Runs    []run
		Older   string
		Newest  string // page of the journal; "" if this is it
		Event   *api.Event
		Ago     string // of the last action
		Queries []queryLink
		Grafana string
		Reason  string // address of what it means
	}{head: h, row: newRow(name, status, h.Time)}
	history := history(t, h.Time, long)
	data.Charts, data.Shadow = history.charts(status.Target.Policy.Triggers), history.compare().lines()
	for _, d := range ranges {
		q.Set("range", d.String())
		data.Ranges = append(data.Ranges, rangeLink{explain.Duration(d), "?" + q.Encode(), d == long})
	}
	q.Set("range", long.String())
	data.Runs, data.Older = runs(t, before)
	if data.Older != "" {
		q.Set("before", data.Older)
		data.Older = "?" + q.Encode() + "#journal"
	}
	if q.Get("before") != "" && r.URL.Query().Get("before") != "" {
		q.Del("before")
		data.Newest = "?" + q.Encode() + "#journal"
	}
	switch {
	case status.Acted != nil:
		data.Ago = explain.Duration(h.Time.Sub(status.Acted.At))
	case p.Server.LastEvent != nil:
		data.Event = new(p.Server.LastEvent(r.Context(), status.Target.Workload))
	}
	data.Queries, data.Grafana = p.queries(status.Target, long), p.dashboard(name, long)
	write(w, targetTemplate, h, data, http.StatusOK)
}

// history returns a target's decisions of a time before now.
func history(t *journal.Target, now time.Time, long time.Duration) past {
	p := past{from: now.Add(-long), to: now}
	for e := range t.Backward(now.Add(time.Second)) {
		if e.At.Before(p.from) {
			break
		}
		p.entries = append(p.entries, e)
	}
	slices.Reverse(p.entries)
	if n := len(p.entries); n > 0 {
		// A journal that is younger than that fills the picture.
		if first := p.entries[0].At.Add(-time.Second); first.After(p.from) {
			p.from = first
		}
		if p.to.Sub(p.from) < time.Minute {
			p.from = p.to.Add(-time.Minute)
		}
	}
	return p
}

// runs returns a page of the journal, and where the next one starts.
func runs(t *journal.Target, before time.Time) (out []run, older string) {
	const most = 5000 // decisions that one page looks at
	var joined []api.Run
	n := 0
	for e := range t.Backward(before) {
		if n++; n > most {
			return rows(joined), joined[len(joined)-1].Oldest.Time.Format(time.RFC3339Nano)
		}
		if joined = api.Join(joined, api.NewBrief(e)); len(joined) > perPage {
			return rows(joined[:perPage]), joined[perPage-1].Oldest.Time.Format(time.RFC3339Nano)
		}
	}
	return rows(joined), ""
}

func rows(runs []api.Run) (out []run) {
	for _, r := range runs {
		d := r.Newest
		row := run{Run: r, Change: "–"}
		if d.From != nil {
			row.Change = strconv.Itoa(int(*d.From))
			if *d.To != *d.From {
				row.Change += " → " + strconv.Itoa(int(*d.To))
			}
		}
		if f := r.Oldest.Foreign; f != nil {
			row.Foreign = fmt.Sprintf("another writer: %d → %d", f.From, f.To)
			if f.Kind == "recreated" {
				row.Foreign = "the workload was created again"
			}
		}
		out = append(out, row)
	}
	return out
}

// queryLink leads to a query's graph.
type queryLink struct{ Name, Query, Address string }

func (p Pages) queries(t config.Target, long time.Duration) (links []queryLink) {
	base := p.Prometheus(t)
	for i, q := range t.Queries {
		l := queryLink{Name: t.Policy.Triggers[i].Name, Query: q.PromQL}
		if base != nil {
			at := base.JoinPath("graph")
			at.RawQuery = url.Values{"g0.expr": {q.PromQL}, "g0.tab": {"0"}, "g0.range_input": {explain.Duration(long)}}.Encode()
			l.Address = at.String()
		}
		links = append(links, l)
	}
	return links
}

func (p Pages) dashboard(target string, long time.Duration) string {
	if p.Grafana == nil {
		return ""
	}
	at := *p.Grafana
	q := at.Query()
	q.Set("var-target", target)
	q.Set("from", "now-"+explain.Duration(long))
	q.Set("to", "now")
	at.RawQuery = q.Encode()
	return at.String()
}
