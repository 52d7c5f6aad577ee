package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// top is the repository's.
const top = "../.."

// golden names each product's golden files, in the text format for metrics.
var golden = map[string]string{
	"scaler":   "scaler/metrics/testdata/*.txt",
	"exporter": "exporter/collector/testdata/*.prom",
	"starter":  "starter/app/testdata/*.txt",
}

// metric is what the text format says of one.
type metric struct {
	kind, help string
	labels     map[string]bool
}

// table matches what a product's table stands between.
var table = regexp.MustCompile(`(?s)(<!-- table ([a-z]+): made by make manifests -->\n).*?(<!-- end -->)`)

// withTables returns the page with its tables made again.
func withTables(page string) (string, error) {
	var failed error
	page = table.ReplaceAllStringFunc(page, func(part string) string {
		m := table.FindStringSubmatch(part)
		rows, err := rows(m[2])
		if err != nil {
			failed = err
		}
		return m[1] + rows + m[3]
	})
	return page, failed
}

// rows returns the table of a product's metrics.
func rows(product string) (string, error) {
	files, err := filepath.Glob(filepath.Join(top, golden[product]))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("%s has no golden file %q", product, golden[product])
	}
	metrics := map[string]*metric{}
	for _, file := range files {
		if err := parse(file, metrics); err != nil {
			return "", err
		}
	}
	var text strings.Builder
	text.WriteString("\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		m := metrics[name]
		var labels []string
		for _, label := range slices.Sorted(maps.Keys(m.labels)) {
			labels = append(labels, "`"+label+"`")
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return text.String() + "\n", nil
}

var (
	comment = regexp.MustCompile(`^# (HELP|TYPE) ([a-z0-9_]+) (.*)$`)
	sample  = regexp.MustCompile(`^([a-z0-9_]+)(?:\{(.*)\})? \S+$`)
	label   = regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
)

// parse adds the metrics of one file. Of a histogram's series the label of its
// buckets is left out.
func parse(file string, metrics map[string]*metric) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var now *metric
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := comment.FindStringSubmatch(lines.Text()); m != nil {
			if metrics[m[2]] == nil {
				metrics[m[2]] = &metric{labels: map[string]bool{}}
			}
			now = metrics[m[2]]
			if m[1] == "HELP" {
				now.help = strings.ReplaceAll(m[3], "|", "\\|")
			} else {
				now.kind = m[3]
			}
			continue
		}
		m := sample.FindStringSubmatch(lines.Text())
		if m == nil || now == nil {
			return fmt.Errorf("%s has a line that is neither HELP, TYPE nor a sample of one: %q", file, lines.Text())
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				now.labels[l[1]] = true
			}
		}
	}
	return lines.Err()
}
