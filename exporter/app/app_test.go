package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

// exporter is a running exporter.
type exporter struct {
	address string
	log     *bytes.Buffer // to be read when it has stopped
	stop    func()
	stopped chan error // what Run returned
}

// start runs an exporter with flags until the test ends.
func start(t *testing.T, args ...string) *exporter {
	t.Helper()
	command, o := app.NewCommand()
	if _, err := command.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Web.Listener = l
	x := &exporter{address: l.Addr().String(), log: &bytes.Buffer{}, stopped: make(chan error, 1)}
	logs, err := logging.New(x.log, *command.Log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	x.stop = cancel
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		x.stopped <- app.Run(ctx, *o, logs)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return x
}

func (x *exporter) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + x.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// engine answers every count with n.
func engine(t *testing.T, n int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"count":%d}`, n)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestServes(t *testing.T) {
	x := start(t, "--camunda.url="+engine(t, 7).URL)
	code, metrics := x.get(t, "/metrics")
	for _, line := range []string{
		`camunda_process_instances_recently_started{window="10s"} 7`, "camunda_up 1", "camunda_history_readable 1",
		"camunda_exporter_build_info{", "go_goroutines ", "process_start_time_seconds ",
	} {
		if code != 200 || !strings.Contains(metrics, "\n"+line) {
			t.Errorf("%d without %s", code, line)
		}
	}
	for path, want := range map[string]string{"/": "camunda-exporter", "/-/healthy": "healthy", "/-/ready": "ready"} {
		if code, body := x.get(t, path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	x.stop()
	if err := <-x.stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if log := x.log.String(); !strings.Contains(log, "msg=stopped") {
		t.Errorf("log:\n%s", log)
	}
}

// An exporter that is not ready while the engine is down would be removed from
// its Service, and camunda_up 0 would not be seen.
func TestIsReadyWithoutAnEngine(t *testing.T) {
	s := engine(t, 7)
	s.Close()
	x := start(t, "--camunda.url="+s.URL)
	for path, want := range map[string]string{"/-/ready": "ready", "/-/healthy": "healthy", "/metrics": "\ncamunda_up 0\n"} {
		if code, body := x.get(t, path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

// The page shows the number, or why it is missing, as text.
func TestPage(t *testing.T) {
	count := func(n int) string { return fmt.Sprintf(`{"count":%d}`, n) }
	for name, test := range map[string]struct {
		answer func(path string) (status int, body string)
		want   []string
	}{
		"a number": {
			func(string) (int, string) { return 200, count(42) },
			[]string{"<td>answers<br>", "<td>42 in 10s<br><small>from 20", " UTC, which was ", "<td>readable</td>", "<td>agrees with the exporter&#39;s to within a second</td>"},
		},
		"an error": {
			func(string) (int, string) { return 500, `{"type":"X","message":"<b>no database</b>"}` },
			[]string{"<strong>does not answer</strong>", "X: &lt;b&gt;no database&lt;/b&gt;", "<strong>missing</strong><br><small>the engine did not answer the latest count, see above"},
		},
		"an unreadable history": {
			func(path string) (int, string) {
				switch {
				case strings.HasSuffix(path, "/history/process-instance"):
					return 200, "[]"
				case strings.HasSuffix(path, "/process-instance"):
					return 200, `[{"id":"<i>0815</i>"}]`
				}
				return 200, count(0)
			},
			[]string{"<td>answers<br>", "<strong>missing</strong><br><small>history cannot be read, see below", "process instance &lt;i&gt;0815&lt;/i&gt; is running, but history does not show it"},
		},
		"a collector that fails": {
			func(path string) (int, string) {
				if strings.Contains(path, "incident") {
					return 403, "{}"
				}
				return 200, count(3)
			},
			[]string{"<td>3 in 10s<br>", "Collector incidents</th>\n<td><strong>fails</strong>", "403 Forbidden"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, body := test.answer(r.URL.Path)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				io.WriteString(w, body)
			}))
			t.Cleanup(s.Close)
			x := start(t, "--camunda.url="+s.URL)
			if _, page := x.get(t, "/"); !strings.Contains(page, "not queried yet") {
				t.Errorf("before the first scrape:\n%s", page)
			}
			x.get(t, "/metrics")
			_, page := x.get(t, "/")
			for _, want := range test.want {
				if !strings.Contains(page, want) {
					t.Errorf("no %s in\n%s", want, page)
				}
			}
		})
	}
}

func TestPathOfTheMetrics(t *testing.T) {
	x := start(t, "--camunda.url="+engine(t, 7).URL, "--web.telemetry-path=/engine/metrics")
	if code, body := x.get(t, "/engine/metrics"); code != 200 || !strings.Contains(body, "camunda_up 1") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := x.get(t, "/metrics"); code != 404 {
		t.Errorf("/metrics answers %d", code)
	}
}

func TestBadFilesAreErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "engine.yml")
	if err := os.WriteFile(file, []byte("basic_auth:\n  user: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"--camunda.config.file=" + file:      "line 2: field user not found",
		"--camunda.config.file=/no/such.yml": "/no/such.yml",
		"--web.config.file=/no/such.yml":     "/no/such.yml",
	} {
		if err := <-start(t, arg).stopped; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
}

// Credentials for the engine come from the file, those for the metrics from
// exporter-toolkit's.
func TestCredentials(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "exporter" || password != "secret" || r.Header.Get("X-Team") != "sre" || !strings.HasPrefix(r.UserAgent(), "camunda-exporter/") {
			w.WriteHeader(401)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"count":3}`)
	}))
	defer s.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("password", "secret\n")
	config := write("engine.yml", "basic_auth:\n  username: exporter\n  password_file: password\nhttp_headers:\n  X-Team:\n    values: [sre]\n")
	hash, err := bcrypt.GenerateFromPassword([]byte("scrape"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t)
	write("cert.pem", cert)
	write("key.pem", key)
	web := write("web.yml", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  prometheus: "+string(hash)+"\n")
	x := start(t, "--camunda.url="+s.URL, "--camunda.config.file="+config, "--web.config.file="+web)

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	for password, want := range map[string]int{"scrape": 200, "wrong": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+x.address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("prometheus", password)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || want == 200 && !strings.Contains(string(body), "\ncamunda_up 1\n") {
			t.Errorf("password %s: %d %s", password, resp.StatusCode, body)
		}
	}
}

// certificate returns one for 127.0.0.1 and its key, in PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", pkcs8)
}
