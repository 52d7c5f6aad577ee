package camunda_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHTTPConfig(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"basic_auth:\n  username: u\n  password: p\n", ""},
		{"basic_auth:\n  username: u\n  pasword: p\n", "FILE: line 3: field pasword not found"},
		{"basic_auht: {}\n", "FILE: line 1: field basic_auht not found"},
		{"tls_config: 5\n", "FILE: line 1: cannot unmarshal !!int `5` into config.plain"},
		{"a: [\n", "FILE: line 1: did not find expected node content"},
		{"bearer_token: x\nbasic_auth: {username: u}\n", "FILE: at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"},
	} {
		file := write(t, test.text)
		_, err := camunda.LoadHTTPConfig(file)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), file, "FILE")
		}
		if got != test.want {
			t.Errorf("%q: error is %q, want %q", test.text, got, test.want)
		}
	}
	if _, err := camunda.LoadHTTPConfig("/no/such/file"); !errors.Is(err, os.ErrNotExist) && (err == nil || !strings.Contains(err.Error(), "/no/such/file")) {
		t.Errorf("missing file: %v", err)
	}
}

func TestParseURL(t *testing.T) {
	const want = "; want an absolute URL such as http://camunda-service:8080/engine-rest"
	for in, text := range map[string]string{
		"http://camunda-service:8080/engine-rest": "",
		"https://[::1]:8443/engine-rest/":         "",
		"camunda-service:8080/engine-rest":        `"camunda-service:8080/engine-rest" has no scheme http or https` + want,
		"/engine-rest":                            `"/engine-rest" has no scheme http or https` + want,
		"":                                        `"" has no scheme http or https` + want,
		"ftp://a/b":                               `"ftp://a/b" has no scheme http or https` + want,
		"http:///engine-rest":                     `"http:///engine-rest" has no host` + want,
		"http://a:b/":                             `"http://a:b/": invalid port ":b" after host` + want,
		"http://u:secret@a/":                      `"http://u:xxxxx@a/" holds credentials; put them as basic_auth into the file of --camunda.config.file`,
		"http://a/?x=1":                           `"http://a/?x=1" has a query or a fragment` + want,
	} {
		_, err := camunda.ParseURL(in)
		if got := fmt.Sprint(err); err == nil && text != "" || err != nil && got != text {
			t.Errorf("%q: error is %q, want %q", in, got, text)
		}
	}
}
