package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	c, err := Load("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Explain()
	if *update {
		if err := os.WriteFile("testdata/full.explained.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/full.explained.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestExplainManyReplicas(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{rule: {max_replicas: 2147483647}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(c.Explain(), "    at "); got != 7 {
		t.Errorf("%d lines, want 7:\n%s", got, c.Explain())
	}
}

// What /config shows can be read again and means the same, but for secrets.
func TestYAML(t *testing.T) {
	for _, path := range []string{"testdata/full.yml", "testdata/minimal.yml"} {
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(path, text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(c, again) {
			t.Errorf("got %+v\nwant %+v\n%s", again, c, text)
		}
	}
}

func TestYAMLMasksSecrets(t *testing.T) {
	c, err := Parse("x.yml", []byte(`
prometheus:
  url: http://me:hidden@prometheus:9090
  http_client:
    basic_auth: {username: me, password: hidden}
    http_headers: {X-Key: {secrets: [hidden]}}
targets: [{}]`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil || strings.Contains(string(text), "hidden") || !strings.Contains(string(text), "<secret>") {
		t.Errorf("%v\n%s", err, text)
	}
	if strings.Contains(c.Explain(), "hidden") {
		t.Error(c.Explain())
	}
}
