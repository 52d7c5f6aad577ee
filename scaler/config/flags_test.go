package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

// fromFlags reads a command line.
func fromFlags(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	a := kingpin.New("scaler", "").DefaultEnvars()
	f := AddFlags(a.Command("run", "").Default())
	if _, err := a.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f.Config()
}

// Flags mean what the same keys mean in a file.
func TestFlagsAreAFile(t *testing.T) {
	for _, c := range []struct {
		name, file string
		args       []string
	}{
		{"none", "targets: [{}]", nil},
		{
			"all", `
prometheus: {url: 'https://mimir/x?tenant=a'}
interval: 20s
max_sample_age: 1m30s
targets:
  - workload: {api_version: example.com/v1, kind: Engine, namespace: bpm, name: web}
    query: '1'
    timestamp_query: time()
    rule: {scale_up_at: 7.5, scale_down_at: 5e-1, min_replicas: 2, max_replicas: 8, allow_flapping: true}
`,
			[]string{
				"--prometheus.url=https://mimir/x?tenant=a", "--interval=20s", "--max-sample-age=1m30s",
				"--target.api-version=example.com/v1", "--target.kind=Engine", "--target.namespace=bpm", "--target.name=web",
				"--query=1", "--timestamp-query=time()", "--rule.scale-up-at=7.5", "--rule.scale-down-at=5e-1",
				"--rule.min-replicas=2", "--rule.max-replicas=8", "--rule.allow-flapping",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := fromFlags(t, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Parse("x.yml", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("flags give %+v, the file %+v", got, want)
			}
		})
	}
}

func TestErrorsNameTheFlag(t *testing.T) {
	for arg, want := range map[string]string{
		"--prometheus.url=x":               `--prometheus.url: "x": want http://host:port or https://host:port`,
		"--rule.scale-up-at=20":            "--rule.scale-up-at: 20 is not above scale_down_at, 20: raise scale_up_at or lower scale_down_at",
		"--rule.scale-up-at=fifty":         `--rule.scale-up-at: "fifty": want a number`,
		"--rule.scale-down-at=NaN":         `--rule.scale-down-at: "NaN": want a number`,
		"--rule.max-replicas=010":          `--rule.max-replicas: "010": want a whole number up to 2147483647 without a leading 0, with which some read it as octal`,
		"--target.name=A b":                `--target.name: "A b": want lower-case letters, digits, inner dashes and dots`,
		"--target.api-version=":            `--target.api-version: "": want group/version, for example apps/v1`,
		"--query= ":                        "--query: empty: want PromQL that returns one number",
		"--interval=0s":                    "--interval: 0s is too short: want 1s or more",
		"--interval=1.5m":                  `--interval: "1.5m": want a duration, for example 10s`,
		"--max-sample-age=1s":              "--max-sample-age: 1s is below the interval, 10s: want at least that, or samples become stale between two decisions",
		"--prometheus.config.file=no/such": "--prometheus.config.file: read Prometheus's HTTP options: open no/such: no such file or directory",
	} {
		t.Run(arg, func(t *testing.T) {
			if _, err := fromFlags(t, arg); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestAllThatIsWrongWithFlagsIsTold(t *testing.T) {
	_, err := fromFlags(t, "--prometheus.url=x", "--interval=1ms", "--target.kind=x")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three lines", err)
	}
}

// HTTP options of their own file are held to the same as those in a file with
// targets, and named by its lines.
func TestFileOfHTTPOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "http.yml")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a file", "basic_auth: {username: me, password_file: secret}", ""},
		{"a secret", "\nbasic_auth: {username: me, password: hidden}", path + ":2: basic_auth.password: a secret: want it in a file of its own, named by password_file, which is read again when it changes"},
		{"a reference", "authorization: {credentials_ref: a}", path + ":1: authorization.credentials_ref: there is no secret manager: want the name of a file in credentials_file"},
		{"no value", "basic_auth:", path + ":1: basic_auth: no value: want a mapping with keys, or leave the key out"},
		{"unknown", "basic_auht: {}", path + ":1: basic_auht: unknown key, did you mean basic_auth?"},
		{"not YAML", "{", "--prometheus.config.file: " + path + ":1: not YAML: did not find expected node content"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := fromFlags(t, "--prometheus.config.file="+path)
			if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if err == nil && !got.Prometheus.HTTP.FollowRedirects {
				t.Error("the HTTP client's own defaults are lost")
			}
			if auth := got.Prometheus.HTTP.BasicAuth; auth != nil && auth.PasswordFile != filepath.Join(filepath.Dir(path), "secret") {
				t.Errorf("the password file is %s", auth.PasswordFile)
			}
		})
	}
}

func TestGivenFlags(t *testing.T) {
	t.Setenv("SCALER_TARGET_NAME", "web")
	a := kingpin.New("scaler", "").DefaultEnvars()
	f := AddFlags(a.Command("run", "").Default())
	if _, err := a.Parse([]string{"--rule.allow-flapping", "--query="}); err != nil {
		t.Fatal(err)
	}
	if got, want := f.Given(), []string{"SCALER_TARGET_NAME", "--query", "--rule.allow-flapping"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c, err := f.Config()
	if err == nil {
		t.Errorf("got %+v, want that the query is empty", c)
	}
}
