package backtest

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

//go:embed page.html
var files embed.FS

// page is what the template shows.
type page struct {
	Report
	Title    string
	Pictures []picture
}

// BoundSentence says by which bounds the time is counted.
func (p page) BoundSentence() string { return p.boundSentence() }

type picture struct {
	Caption string
	Class   string        // of the run that it is of; "" for all
	SVG     template.HTML // made here, of numbers and escaped text
}

// WriteHTML writes the report as one page that needs nothing else: no script, no
// other file, no request.
func (r Report) WriteHTML(w io.Writer) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"duration": duration, "share": share, "percent": percent, "number": number,
		"worst": func(f replay.Figures) string {
			var all []string
			for _, x := range f.Worst {
				text := number(x.PerInstance)
				if x.Trigger != "" {
					text = x.Trigger + " " + text
				}
				all = append(all, text)
			}
			return strings.Join(all, ", ")
		},
		"fixed": func(digits int, v float64) string { return fmt.Sprintf("%.*f", digits, v) },
		"utc":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"color": color,
		"steps": func(f replay.Figures) int { return f.Ups + f.Downs },
		"last": func(s []replay.Step) []replay.Step {
			const most = 200
			return s[max(0, len(s)-most):]
		},
		"frontier": (*sweep.Result).Frontier,
		"best":     func(s *sweep.Result, t sweep.Tried) bool { return s.Best != nil && s.Best.Same(t) },
	}).ParseFS(files, "page.html")
	if err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	p := page{Report: r, Title: r.Target + ": " + r.Command}
	for i, trigger := range r.triggers {
		p.Pictures = append(p.Pictures, r.loadPicture(i, trigger))
	}
	p.Pictures = append(p.Pictures, r.replicasPicture())
	for i, trigger := range r.triggers {
		p.Pictures = append(p.Pictures, r.instancePictures(i, trigger)...)
	}
	if r.Sweep != nil {
		p.Pictures = append(p.Pictures, sweepPicture(r.Sweep))
	}
	return t.Execute(w, p)
}
