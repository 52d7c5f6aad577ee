package exporter

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
)

// An engine without history answers 0 to everything. No 0 is exported unless
// nothing was ever started.
func TestHistoryLevelNone(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, d engine.Distribution) {
		e := startEngine(t, engine.Spec{Distribution: d, HistoryLevel: "none"})
		c := client{engine: e}
		c.deploy(t, "")
		unreadable := map[string]float64{up: 1, readable: 0, recent: absent, total: 0}

		// Instances too short to be found running take the exporter two checks of
		// the engine's meter, a minute apart.
		x := startExporter(t, "--camunda.url="+e.URL)
		x.await(t, 20*time.Second, map[string]float64{up: 1, readable: absent, recent: 0})
		c.mustStart(t, "short", "", 20)
		x.await(t, 2*time.Minute, unreadable)
		x.wantLog(t, 1, "level=error", "history is unreadable", "READ_HISTORY", "meter")

		// Started on an idle engine, it cannot tell, and has no number.
		x = startExporter(t, "--camunda.url="+e.URL)
		x.await(t, 20*time.Second, map[string]float64{up: 1, readable: absent, recent: absent, total: 0})
		x.wantLog(t, 1, "level=warn", "history is empty and may be unreadable")

		// An instance that runs is found at once.
		c.mustStart(t, "waiting", "", 1)
		x = startExporter(t, "--camunda.url="+e.URL)
		x.await(t, 20*time.Second, unreadable)
		x.scrape(t).want(t, unreadable)
		x.wantLog(t, 1, "level=error", "history is unreadable", "READ_HISTORY", "is running")
	})
}

// config writes a file for --camunda.config.file, and the password's file.
func config(t *testing.T, user engine.User) (flag, passwordFile string) {
	t.Helper()
	dir := t.TempDir()
	passwordFile = filepath.Join(dir, "password")
	for file, text := range map[string]string{
		passwordFile:                     user.Password,
		filepath.Join(dir, "engine.yml"): "basic_auth:\n  username: " + user.Name + "\n  password_file: password\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "--camunda.config.file=" + filepath.Join(dir, "engine.yml"), passwordFile
}

// A user who may not read history gets 0 for everything, too, and one with a
// wrong password nothing.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, d engine.Distribution) {
		e := startEngine(t, engine.Spec{Distribution: d, Authorization: true})
		c := client{e, engine.Admin}
		c.deploy(t, "")
		url := "--camunda.url=" + e.URL
		anonymous := startExporter(t, url)
		granted, _ := config(t, engine.Admin)
		admin := startExporter(t, url, granted)
		lacking, _ := config(t, engine.Restricted)
		restricted := startExporter(t, url, lacking)
		refused := map[string]float64{up: 0, readable: absent, recent: absent, total: 0}

		admin.await(t, 20*time.Second, map[string]float64{up: 1, readable: absent, recent: 0})
		restricted.await(t, 20*time.Second, map[string]float64{up: 1, readable: absent, recent: 0})
		c.mustStart(t, "waiting", "", 3)
		admin.await(t, 20*time.Second, map[string]float64{up: 1, readable: 1, total: 3})

		// A wrong password is tried once, then not for a while; a corrected one is
		// tried at once.
		wrong, passwordFile := config(t, engine.User{Name: engine.Admin.Name, Password: "wrong"})
		locked := startExporter(t, url, wrong)
		for _, x := range []*exporter{locked, anonymous} {
			for range 5 {
				x.scrape(t).want(t, refused)
			}
			x.wantLog(t, 1, "level=error", "cause=unauthorized")
			x.wantLog(t, 1, "level=warn", `msg="credentials refused" refusals=1 retry_in=30s`)
		}
		if err := os.WriteFile(passwordFile, []byte(engine.Admin.Password), 0o600); err != nil {
			t.Fatal(err)
		}
		// The engine's own lock may last a few seconds, and refuse that, too.
		locked.await(t, time.Minute, map[string]float64{up: 1, readable: 1})
		// A check that was made before anything ran is repeated after a minute.
		restricted.await(t, 90*time.Second, map[string]float64{up: 1, readable: 0, recent: absent, total: 0})
		restricted.wantLog(t, 1, "level=error", "READ_HISTORY")

		c.mustStart(t, "short", "", 1)
		t.Run("collectors", func(t *testing.T) { collectorsWithoutGrants(t, url, lacking, 3) })
	})
}
