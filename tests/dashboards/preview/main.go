// Command preview draws the dashboards with the data of a real run of the
// whole stack, for the documentation. README.md says how.
package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/dashboards"
)

//go:embed page
var page embed.FS

func main() {
	boards := flag.String("dashboards", "../dashboards", "Folder of the dashboards.")
	out := flag.String("out", "../docs/dashboards", "Folder for the pictures.")
	work := flag.String("work", filepath.Join(os.TempDir(), "dashboards-preview"), "Folder for the data and the page.")
	redraw := flag.Bool("redraw", false, "Draw the data of the last run again.")
	chromium := flag.String("chromium", "chromium", "The browser's program.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *boards, *out, *work, *redraw, *chromium); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder, out, work string, redraw bool, chromium string) error {
	all, err := dashboards.Load(folder)
	if err != nil {
		return err
	}
	if work, err = filepath.Abs(work); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	if !redraw {
		if err := collect(ctx, all, work); err != nil {
			return err
		}
	}
	if err := writePage(ctx, work); err != nil {
		return err
	}
	for _, p := range pictures(all) {
		if err := p.draw(ctx, folder, work, out, chromium); err != nil {
			return err
		}
	}
	return nil
}

// phase is a part of the story in the pictures.
type phase struct {
	title    string
	begin    func(ctx context.Context, s *stack.Stack) error
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
		{"no longer paused", func(ctx context.Context, s *stack.Stack) error { return dashboards.Pause(ctx, s, false) }, 1, 30 * time.Second},
		{"3 replicas by hand", func(ctx context.Context, s *stack.Stack) error { return dashboards.SetReplicas(ctx, s, 3) }, 1, 30 * time.Second},
	}
}

// pictures are the dashboards, and one of them once more with another target.
func pictures(all []dashboards.Dashboard) []picture {
	var list []picture
	for _, d := range all {
		name := strings.TrimSuffix(d.File, ".json")
		list = append(list, picture{name, "", d})
		if name == "autoscaling" {
			list = append(list, picture{name + "-" + dashboards.Several, dashboards.Several, d})
		}
	}
	return list
}

type picture struct {
	name   string
	target string // "" for the one that is there when it is opened
	dashboards.Dashboard
}

// collect plays the story and writes the answers to each dashboard's queries.
func collect(ctx context.Context, all []dashboards.Dashboard, work string) error {
	for name, value := range dashboards.ExporterEnvironment {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "preview-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := stack.Up(ctx, dir, 5, os.Stderr)
	if err != nil {
		return err
	}
	defer s.Down()
	several, stop, err := dashboards.StartSeveral(ctx, filepath.Join(dir, "several"), s)
	if err != nil {
		return err
	}
	defer stop()
	config := dashboards.Scrape{Interval: 10 * time.Second, Several: several}.Configuration(s)
	if err := s.Prometheus.Reload(ctx, prometheus.Config{YAML: config}); err != nil {
		return err
	}
	api, err := dashboards.API(s.Prometheus.URL)
	if err != nil {
		return err
	}
	begun := time.Now().Add(20 * time.Second) // two scrapes
	for _, phase := range phases() {
		fmt.Fprintln(os.Stderr, phase.title)
		if err := phase.begin(ctx, s); err != nil {
			return err
		}
		if err := dashboards.AddWork(ctx, s.Engine.URL, 1); err != nil {
			return err
		}
		if err := dashboards.AwaitReplicas(ctx, s, phase.replicas); err != nil {
			return err
		}
		select {
		case <-time.After(phase.hold):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	now := time.Now()
	for _, p := range pictures(all) {
		b, err := p.Open(ctx, api, begun, now)
		if err != nil {
			return err
		}
		if p.target != "" {
			b = b.With("target", p.target)
		}
		a, err := ask(ctx, b)
		if err != nil {
			return err
		}
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, p.name+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// answers are what page.js draws, besides the dashboard itself.
type answers struct {
	From        float64           `json:"from"` // Unix time
	To          float64           `json:"to"`
	Step        float64           `json:"step"` // seconds
	Variables   map[string]string `json:"variables"`
	Series      map[int][]series  `json:"series"` // by the panel's id
	Annotations []annotation      `json:"annotations"`
}

type series struct {
	Name   string       `json:"name"`
	Values [][2]float64 `json:"values"` // Unix time and value; no NaN
}

type annotation struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Color string  `json:"color"`
}

func ask(ctx context.Context, b *dashboards.Board) (answers, error) {
	unix := func(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
	a := answers{
		From: unix(b.Start), To: unix(b.End), Step: b.Step.Seconds(), Variables: b.Variables,
		Series: map[int][]series{}, Annotations: []annotation{},
	}
	colors := map[string]string{}
	for _, l := range b.Annotations.List {
		colors[l.Name] = l.IconColor
	}
	for _, q := range b.Queries() {
		matrix, err := b.Ask(ctx, q)
		if err != nil {
			return answers{}, err
		}
		for _, stream := range matrix {
			one := series{Name: legend(q.Legend, stream.Metric)}
			for _, v := range stream.Values {
				if value := float64(v.Value); value == value { // is a number
					one.Values = append(one.Values, [2]float64{unix(v.Timestamp.Time()), value})
				}
			}
			if q.PanelID == 0 {
				a.Annotations = append(a.Annotations, regions(one.Values, b.Step.Seconds(), colors[q.Panel])...)
			} else if len(one.Values) > 0 {
				a.Series[q.PanelID] = append(a.Series[q.PanelID], one)
			}
		}
	}
	return a, nil
}

// regions joins values that follow one another, as Grafana does.
func regions(values [][2]float64, step float64, color string) []annotation {
	var all []annotation
	for _, v := range values {
		if last := len(all) - 1; last >= 0 && v[0]-all[last].To < 1.5*step {
			all[last].To = v[0]
		} else {
			all = append(all, annotation{v[0], v[0], color})
		}
	}
	return all
}

var label = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func legend(format string, metric model.Metric) string {
	return label.ReplaceAllStringFunc(format, func(l string) string {
		return string(metric[model.LabelName(label.FindStringSubmatch(l)[1])])
	})
}

// writePage puts the page and its library into a folder.
func writePage(ctx context.Context, work string) error {
	files, err := fs.Sub(page, "page")
	if err != nil {
		return err
	}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(work, name), text, 0o644)
	})
	if err != nil {
		return err
	}
	return command(ctx, work, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
}

// The page's size, as page.js has it.
const (
	width, rowHeight, header = 1280, 38, 60
)

func (p picture) draw(ctx context.Context, folder, work, out, chromium string) error {
	dashboard := filepath.Join(folder, p.File)
	text, err := os.ReadFile(dashboard)
	if err != nil {
		return err
	}
	var layout struct {
		Panels []struct{ GridPos struct{ Y, H int } }
	}
	if err := json.Unmarshal(text, &layout); err != nil {
		return fmt.Errorf("read %s: %w", dashboard, err)
	}
	rows := 0
	for _, p := range layout.Panels {
		rows = max(rows, p.GridPos.Y+p.GridPos.H)
	}
	data, err := os.ReadFile(filepath.Join(work, p.name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no run to draw again: %w", err)
	}
	if err != nil {
		return err
	}
	script := fmt.Sprintf("const data = {...%s, dashboard: %s};\n", data, text)
	if err := os.WriteFile(filepath.Join(work, "data.js"), []byte(script), 0o644); err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	picture := filepath.Join(out, p.name+".png")
	err = command(ctx, work, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--log-level=3",
		"--user-data-dir="+filepath.Join(work, "browser"), "--screenshot="+picture,
		"--window-size="+strconv.Itoa(width)+","+strconv.Itoa(rows*rowHeight+header), "file://"+filepath.Join(work, "page.html"))
	if err != nil {
		return err
	}
	return compress(picture)
}

// compress writes a picture again with its 256 most frequent colors, which
// makes it half as large, and no different to look at.
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

func command(ctx context.Context, dir, program string, args ...string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, text)
	}
	return nil
}
