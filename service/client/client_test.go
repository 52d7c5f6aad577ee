package client_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

func TestParseURL(t *testing.T) {
	const example = "http://engine:8080/engine-rest"
	for name, test := range map[string]struct{ url, want string }{
		"path":            {"http://camunda:8080/engine-rest", ""},
		"https":           {"https://camunda", ""},
		"IPv6":            {"http://[::1]:8080/x", ""},
		"no scheme":       {"camunda:8080", `"camunda:8080" has no scheme http or https; want an absolute URL such as ` + example},
		"empty":           {"", `"" has no scheme`},
		"no host":         {"http:///engine-rest", "has no host"},
		"only a port":     {"http://:8080", "has no host"},
		"credentials":     {"http://u:secret@camunda", "basic_auth"},
		"query":           {"http://camunda/?a=b", "has a query"},
		"fragment":        {"http://camunda/#b", "fragment"},
		"unreadable port": {"http://u:secret@camunda:x", "invalid port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.ParseURL(test.url, example)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// A mistake in the file is named with its line.
func TestLoadConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "http.yml")
	for name, test := range map[string]struct{ text, want string }{
		"good":          {"basic_auth:\n  username: u\n  password: p\n", ""},
		"nested key":    {"basic_auth:\n  username: u\n  pasword: p\n", "line 3: field pasword not found"},
		"key":           {"basic_auht: {}\n", "line 1: field basic_auht not found"},
		"type":          {"tls_config: 5\n", "line 1: cannot unmarshal !!int `5` into config.plain"},
		"YAML":          {"a: [\n", "line 1: did not find expected node content"},
		"two of a kind": {"bearer_token: x\nbasic_auth: {username: u}\n", "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := client.LoadConfig(file)
			if (test.want == "") != (err == nil) || err != nil && err.Error() != file+": "+test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := client.LoadConfig("/no/such.yml"); err == nil || !strings.Contains(err.Error(), "/no/such.yml") {
		t.Errorf("got %v", err)
	}
	if c, err := client.LoadConfig(""); err != nil || c.BasicAuth != nil {
		t.Errorf("got %v, %v without a file", c, err)
	}
}

// Neither the number of another address nor our credentials there.
func TestRedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer s.Close()
	h, err := client.New("", "test/1", log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer h.CloseIdleConnections()
	resp, err := h.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Errorf("status %d, want the redirect itself", resp.StatusCode)
	}
}
