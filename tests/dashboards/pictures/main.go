// Command pictures takes the screenshots in docs/dashboards: it plays a story
// on the real stack and opens the dashboards in a real Grafana. With --prometheus
// it takes one of the dashboard of a system that already runs, such as an example.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/png"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/dashboards"
)

func main() {
	o := options{}
	flag.StringVar(&o.boards, "dashboards", "../dashboards", "Folder of the dashboards.")
	flag.StringVar(&o.out, "out", "../docs/dashboards", "Folder for the pictures.")
	flag.StringVar(&o.prometheus, "prometheus", "", "URL of a running Prometheus: take a picture of the one dashboard in --dashboards with its data, and play nothing.")
	flag.DurationVar(&o.last, "last", 5*time.Minute, "With --prometheus: how much of the past to show.")
	flag.IntVar(&o.height, "height", 900, "With --prometheus: the picture's height in pixels.")
	flag.StringVar(&o.grafana, "grafana.home", os.Getenv("GRAFANA_HOME"), "Where Grafana is installed, for example /usr/share/grafana.")
	flag.StringVar(&o.chromium, "chromium", "/usr/bin/chromium", "Path of the browser.")
	flag.BoolVar(&o.stay, "stay", false, "Keep everything running until Ctrl-C.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := run
	if o.prometheus != "" {
		do = running
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

type options struct {
	boards, out, grafana, chromium, prometheus string

	last   time.Duration
	height int
	stay   bool
}

func (o options) check() error {
	if o.grafana == "" {
		return errors.New("--grafana.home or GRAFANA_HOME must name a folder with Grafana's bin, conf and public")
	}
	return nil
}

// running takes a picture of the dashboard of a system that runs.
func running(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	boards, err := dashboards.Load(o.boards)
	if err != nil {
		return err
	}
	if len(boards) != 1 {
		return fmt.Errorf("there are %d dashboards in %s, want one", len(boards), o.boards)
	}
	const scrape = 2 * time.Second // the examples'
	grafana, err := dashboards.StartGrafana(ctx, o.grafana, filepath.Join(dir, "grafana"), o.boards, o.prometheus, scrape)
	if err != nil {
		return err
	}
	defer grafana.Stop()
	now := time.Now()
	if err := take(ctx, o, dir, grafana.URL, now.Add(-o.last), now, []shot{{"dashboard", boards[0].UID, "", o.height}}); err != nil {
		return err
	}
	return stay(ctx, o, grafana)
}

func stay(ctx context.Context, o options, grafana *dashboards.Grafana) error {
	if o.stay {
		fmt.Fprintln(os.Stderr, "Grafana:", grafana.URL)
		<-ctx.Done()
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := dashboards.Up(ctx, filepath.Join(dir, "stack"))
	if err != nil {
		return err
	}
	defer s.Down()
	several, stop, err := dashboards.StartSeveral(ctx, filepath.Join(dir, "several"), s)
	if err != nil {
		return err
	}
	defer stop()
	const scrape = 10 * time.Second
	if err := s.Prometheus.Reload(ctx, prometheus.Config{YAML: dashboards.Scrape{Interval: scrape, Several: several}.Configuration(s)}); err != nil {
		return err
	}
	grafana, err := dashboards.StartGrafana(ctx, o.grafana, filepath.Join(dir, "grafana"), o.boards, s.Prometheus.URL, scrape)
	if err != nil {
		return err
	}
	defer grafana.Stop()
	started := time.Now().Add(2 * scrape)
	for _, phase := range phases() {
		fmt.Fprintln(os.Stderr, phase.title)
		if err := phase.start(ctx, s); err != nil {
			return err
		}
		if err := dashboards.AddWork(ctx, s.Engine.URL, 1); err != nil {
			return err
		}
		if err := dashboards.AwaitReplicas(ctx, s, phase.replicas); err != nil {
			return err
		}
		if err := sleep(ctx, phase.hold); err != nil {
			return err
		}
	}
	err = take(ctx, o, dir, grafana.URL, started, time.Now(), []shot{
		{"autoscaling", "camunda-autoscaling", "&var-target=camunda-deployment", 1780},
		{"autoscaling-several", "camunda-autoscaling", "&var-target=" + dashboards.Several, 1780},
		{"camunda", "camunda-engine", "", 1740},
	})
	if err != nil {
		return err
	}
	if err := takeMany(ctx, o, dir); err != nil {
		return err
	}
	return stay(ctx, o, grafana)
}

// phase is a part of the story in the pictures.
type phase struct {
	title    string
	start    func(ctx context.Context, s *stack.Stack) error
	replicas int           // where it ends
	hold     time.Duration // how long to stay there
}

func phases() []phase {
	rate := func(starts int) func(context.Context, *stack.Stack) error {
		return func(ctx context.Context, s *stack.Stack) error { return s.SetRate(ctx, starts) }
	}
	return []phase{
		{"5 starts in 10 s", rate(5), 1, 50 * time.Second},
		{"120", rate(120), 3, 50 * time.Second},
		{"500", rate(500), 4, 40 * time.Second},
		{"5, but paused", func(ctx context.Context, s *stack.Stack) error {
			return errors.Join(dashboards.Pause(ctx, s, true), s.SetRate(ctx, 5))
		}, 4, 40 * time.Second},
		{"no longer paused", func(ctx context.Context, s *stack.Stack) error { return dashboards.Pause(ctx, s, false) }, 1, 40 * time.Second},
		{"3 replicas by hand", func(ctx context.Context, s *stack.Stack) error { return dashboards.SetReplicas(ctx, s, 3) }, 1, 75 * time.Second},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// takeMany makes the picture of a scaler with more targets than can run here:
// an hour of a made-up history, at the end of which one target has no data.
func takeMany(ctx context.Context, o options, dir string) error {
	end := time.Now().UTC().Truncate(2 * time.Hour).Add(-time.Hour)
	h := &dashboards.History{From: end.Add(-3 * time.Hour), To: end, Scrape: 30 * time.Second, Targets: 42}
	data := filepath.Join(dir, "many")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	server, err := h.Serve(ctx, data)
	if err != nil {
		return err
	}
	defer server.Kill()
	grafana, err := dashboards.StartGrafana(ctx, o.grafana, filepath.Join(data, "grafana"), o.boards, server.URL, h.Scrape)
	if err != nil {
		return err
	}
	defer grafana.Stop()
	return take(ctx, o, dir, grafana.URL, end.Add(-65*time.Minute), end.Add(-5*time.Minute), []shot{{"scaler", "camunda-scaler", "", 1430}})
}

// shot is a picture to make, by the name of its file.
type shot struct {
	name, uid, query string
	height           int
}

// take makes pictures of a time range.
func take(ctx context.Context, o options, dir, grafana string, from, to time.Time, shots []shot) error {
	out, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	var visits []dashboards.Visit
	for _, s := range shots {
		visits = append(visits, dashboards.Visit{
			URL:   fmt.Sprintf("%s/d/%s?from=%d&to=%d%s", grafana, s.uid, from.UnixMilli(), to.UnixMilli(), s.query),
			Width: 1440, Height: s.height, Picture: filepath.Join(out, s.name+".png"),
		})
	}
	if _, err := dashboards.Browse(ctx, dir, o.chromium, visits); err != nil {
		return err
	}
	for _, v := range visits {
		if err := compress(v.Picture); err != nil {
			return err
		}
	}
	return nil
}

// compress stores a picture with its 256 most frequent colors, which makes it
// half as large without a visible difference.
func compress(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	drawn, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	bounds := drawn.Bounds()
	count := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[drawn.At(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	few := image.NewPaletted(bounds, palette[:min(len(palette), 256)])
	imagedraw.Draw(few, bounds, drawn, bounds.Min, imagedraw.Src)
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, few); err != nil {
		return err
	}
	return os.WriteFile(path, small.Bytes(), 0o644)
}
