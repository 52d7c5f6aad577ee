package dashboards

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

//go:embed grafana
var browser embed.FS

// Grafana is a running one, with the dashboards as the demo's chart provides
// them.
type Grafana struct {
	URL string // without a slash at the end

	process *process.Process
}

// StartGrafana starts the Grafana that is installed in home, with all its own
// files in dir. It has two data sources: the first by name has no data, the
// default is the given Prometheus.
func StartGrafana(ctx context.Context, home, dir, boards, prometheus string, scrape time.Duration) (*Grafana, error) {
	folder, err := filepath.Abs(boards)
	if err != nil {
		return nil, err
	}
	grafana := &Grafana{}
	err = ports.Retry(1, func(free []int) error {
		address := ports.Address(free[0])
		grafana.URL = "http://" + address
		host, port, _ := strings.Cut(address, ":")
		for name, text := range map[string]string{
			"custom.ini": fmt.Sprintf(settings, dir, host, port, folder),
			"provisioning/datasources/datasources.yaml": fmt.Sprintf(datasources, prometheus, scrape),
			"provisioning/dashboards/providers.yaml":    fmt.Sprintf(providers, folder),
		} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		grafana.process, err = process.Start(ctx, process.Spec{
			Name: "Grafana", Path: filepath.Join(home, "bin", "grafana"), Dir: dir, Log: filepath.Join(dir, "grafana.log"),
			Args: []string{"server", "--homepath=" + home, "--config=" + filepath.Join(dir, "custom.ini")},
		})
		if err != nil {
			return err
		}
		return grafana.process.AwaitReady(ctx, "Grafana", grafana.URL+"/api/health", 5*time.Minute)
	})
	if err != nil {
		return nil, err
	}
	return grafana, nil
}

// Stop ends it.
func (g *Grafana) Stop() { g.process.Stop(10 * time.Second) }

const settings = `
[paths]
data = %[1]s/data
logs = %[1]s/logs
plugins = %[1]s/plugins
provisioning = %[1]s/provisioning
[server]
http_addr = %[2]s
http_port = %[3]s
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
[news]
news_feed_enabled = false
[security]
disable_gravatar = true
[auth.anonymous]
enabled = true
[auth]
disable_login_form = true
[dashboards]
default_home_dashboard_path = %[4]s/autoscaling.json
[log]
level = warn
`

const datasources = `
apiVersion: 1
datasources:
  - {name: Another, uid: another, type: prometheus, access: proxy, url: "http://127.0.0.1:9"}
  - name: Prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: %s
    isDefault: true
    jsonData: {timeInterval: %s}
`

const providers = `
apiVersion: 1
providers:
  - {name: camunda-autoscaler, type: file, options: {path: %q}}
`

// Visit is a page to open in a browser.
type Visit struct {
	URL     string `json:"url"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Docked  bool   `json:"docked"`            // Grafana's menu
	Open    string `json:"open,omitempty"`    // a collapsed row
	Click   string `json:"click,omitempty"`   // a link; what is seen is the page behind it
	Picture string `json:"picture,omitempty"` // path
}

// Page is what a person sees on one.
type Page struct {
	URL       string
	Variables []string // the texts of their values
	Links     []Link
	Panels    []struct {
		Title, Text string
		Cut, Error  bool     // the title does not fit; a query failed
		Colors      []string // of a stat's values
		Links       []Link
	}
	Faults []string // in the browser's console
}

// Link is one on a page.
type Link struct{ Text, URL string }

// Browse opens pages in Chromium. Its client library is installed into dir.
func Browse(ctx context.Context, dir, chromium string, visits []Visit) ([]Page, error) {
	for _, name := range []string{"browse.mjs", "package.json", "package-lock.json"} {
		text, err := browser.ReadFile("grafana/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		if _, err := command(ctx, dir, nil, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return nil, err
		}
	}
	request, err := json.Marshal(map[string]any{"program": chromium, "pages": visits})
	if err != nil {
		return nil, err
	}
	text, err := command(ctx, dir, request, "node", "browse.mjs")
	if err != nil {
		return nil, err
	}
	var pages []Page
	return pages, json.Unmarshal(text, &pages)
}

func command(ctx context.Context, dir string, input []byte, program string, args ...string) ([]byte, error) {
	var out, faults bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, bytes.NewReader(input), &out, &faults
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", program, err, faults.Bytes())
	}
	return out.Bytes(), nil
}
