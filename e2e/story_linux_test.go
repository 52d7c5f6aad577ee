package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
)

const (
	// settleWithin is how long the replicas may take to follow a changed rate.
	settleWithin = 180 * time.Second
	// settled is how long they then have to stay: three of the scaler's decisions.
	settled = 30 * time.Second
	// finishWithin is how long instances may take to end: the engine frees a job
	// that a removed Pod had locked after five minutes.
	finishWithin = 6 * time.Minute
	// outage is how long the API server is away: longer than the scaler's interval.
	outage = 15 * time.Second
)

// TestStory runs everything on real parts: the replicas follow the rate, no
// start is lost although Pods and the API server fail, and uninstalling leaves
// nothing behind.
func TestStory(t *testing.T) {
	ctx := t.Context()
	s := newStack(ctx, t)
	s.helm.install(ctx, t, demo)
	s.say("the chart camunda-demo is installed")
	s.helm.install(ctx, t, s.autoscaler)
	s.say("the chart camunda-autoscaler is installed")
	t.Run("all objects", func(t *testing.T) { testObjects(ctx, t, s) })

	starter := s.service(ctx, "camunda-process-starter", 9752)
	exporter := s.service(ctx, "autoscaler-camunda-autoscaler-exporter", 9750)
	var before int
	s.await(ctx, time.Minute, "the exporter counts", func() (err error) {
		before, err = counted(ctx, exporter)
		return err
	})
	before -= s.query(ctx, allInstances)

	s.setRate(starter, 5)
	s.settle(ctx, 1)
	if out := s.helm.test(ctx, t, s.autoscaler); !strings.Contains(out, "target=camunda") {
		t.Errorf("helm test does not print the decision:\n%s", out)
	}
	s.say("helm test passes")
	t.Run("access", func(t *testing.T) { testAccess(ctx, t, s) })
	t.Run("refused by Helm 4", func(t *testing.T) { testRefused(ctx, t, s, s.helm) })

	s.climb(ctx, starter, 120, 3)
	s.kubectl(ctx, "delete", "pod", s.leader(ctx), "--wait=false")
	s.say("the scaler's Pod is deleted")

	s.setRate(starter, 500)
	s.StopAPIServer()
	s.say("the API server is killed")
	time.Sleep(outage)
	if err := s.StartAPIServer(s.life); err != nil {
		t.Fatal(err)
	}
	s.say("the API server is back")
	s.settle(ctx, 4)

	s.helm.upgrade(ctx, t, demo, "--set=camunda.terminationGracePeriodSeconds=45") // a new Pod for every old one
	s.helm.upgrade(ctx, t, s.autoscaler, "--set=scaler.log.level=debug")
	if n := s.replicas(ctx); n != "4/4" {
		t.Errorf("helm upgrade changed the replicas from 4/4 to %s", n)
	}
	s.say("both charts are upgraded")

	s.setRate(starter, 5)
	s.settle(ctx, 1)

	t.Run("configuration reloaded", func(t *testing.T) { testReload(ctx, t, s) })

	s.setRate(starter, 0)
	s.finish(ctx)
	s.await(ctx, time.Minute, "the exporter has counted what the database has", func() error {
		total, err := counted(ctx, exporter)
		if err != nil {
			return err
		}
		started := s.query(ctx, allInstances)
		if total-before != started {
			return fmt.Errorf("the exporter counted %d starts, the database has %d", total-before, started)
		}
		s.say("the exporter and the database both have %d starts", started)
		return nil
	})

	s.helm.uninstall(ctx, t, s.autoscaler)
	helm3 := newHelm(ctx, t, s.checkout, project.Helm3, s.Kubeconfig)
	helm3.install(ctx, t, s.autoscaler)
	t.Run("all objects by Helm 3", func(t *testing.T) { testObjects(ctx, t, s) })
	if out := helm3.test(ctx, t, s.autoscaler); !strings.Contains(out, "target=camunda") { // at once: it waits for the first sample
		t.Errorf("helm test does not print the decision:\n%s", out)
	}
	t.Run("refused by Helm 3", func(t *testing.T) { testRefused(ctx, t, s, helm3) })
	helm3.uninstall(ctx, t, s.autoscaler)
	s.say("Helm 3 has installed, tested and uninstalled it as well")
	s.helm.uninstall(ctx, t, demo)
	s.nothingLeft(ctx)
}

const (
	allInstances        = "SELECT count(*) FROM act_hi_procinst"
	unfinishedInstances = "SELECT count(*) FROM act_hi_procinst WHERE end_time_ IS NULL"
)

// setRate tells the starter how many instances to start in ten seconds.
func (s *stack) setRate(starter string, starts int) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, "http://"+starter+"/rate", strings.NewReader(strconv.Itoa(starts)))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode/100 != 2 {
		s.t.Fatalf("setting the rate: %s: %s (%v)", response.Status, text, err)
	}
	s.say("the rate is %d in 10 s", starts)
}

// climb sets a rate, and waits until there are n replicas that stay. When a Pod
// of Camunda starts on a busy machine, starts are held up and then come in a
// burst, which may rightly take one replica more. Whether it did, the database
// tells; then the rate is set again from below.
func (s *stack) climb(ctx context.Context, starter string, rate, n int) {
	s.t.Helper()
	for range 3 {
		began := time.Now()
		s.setRate(starter, rate)
		there := s.climbed(ctx, n)
		const busiest = `SELECT max(n) FROM (SELECT count(*) OVER (ORDER BY start_time_ RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS n
			FROM act_hi_procinst WHERE start_time_ > now() AT TIME ZONE 'UTC' - INTERVAL '%d seconds') AS starts`
		burst := s.query(ctx, fmt.Sprintf(busiest, int(time.Since(began).Seconds())))
		s.say("there were at most %d starts in 10 s", burst)
		switch {
		case there:
			return
		case burst < 50*n:
			s.t.Fatalf("more than %d replicas without a load for them", n)
		}
		s.setRate(starter, 5)
		s.settle(ctx, 1)
	}
	s.t.Fatalf("each time a burst took more than %d replicas", n)
}

// climbed waits until there are n replicas, all ready, and that they stay. It
// returns false as soon as there are more.
func (s *stack) climbed(ctx context.Context, n int) bool {
	s.t.Helper()
	want, more, seen := fmt.Sprintf("%d/%d", n, n), "/"+strconv.Itoa(n+1), ""
	s.await(ctx, settleWithin, fmt.Sprintf("%d replicas", n), func() error {
		if now := s.replicas(ctx); now != seen {
			seen = now
			s.say("replicas %s", seen)
		}
		if seen != want && !strings.HasSuffix(seen, more) {
			return fmt.Errorf("there are %s", seen)
		}
		return nil
	})
	for end := time.Now().Add(settled); time.Now().Before(end) && !strings.HasSuffix(seen, more); time.Sleep(time.Second) {
		seen = s.replicas(ctx)
	}
	switch {
	case strings.HasSuffix(seen, more):
		return false
	case !strings.HasSuffix(seen, "/"+strconv.Itoa(n)):
		s.t.Fatalf("the replicas did not stay at %s, they are %s", want, seen)
	}
	s.say("settled at %d", n)
	return true
}

// settle waits until there are n replicas, all ready, and that they stay.
func (s *stack) settle(ctx context.Context, n int) {
	s.t.Helper()
	want := fmt.Sprintf("%d/%d", n, n)
	seen := ""
	s.await(ctx, settleWithin, fmt.Sprintf("%d replicas", n), func() error {
		if now := s.replicas(ctx); now != seen {
			seen = now
			s.say("replicas %s", seen)
		}
		if seen != want {
			return fmt.Errorf("there are %s", seen)
		}
		return nil
	})
	for end := time.Now().Add(settled); time.Now().Before(end); time.Sleep(time.Second) {
		if now := s.replicas(ctx); !strings.HasSuffix(now, "/"+strconv.Itoa(n)) {
			s.t.Fatalf("the replicas did not stay at %s, they are %s", want, now)
		}
	}
	s.say("settled at %d", n)
}

// replicas returns ready/desired ones of Camunda, such as 2/3.
func (s *stack) replicas(ctx context.Context) string {
	s.t.Helper()
	text := s.kubectl(ctx, "get", "deployment", "camunda-deployment", "--output=jsonpath={.status.readyReplicas}/{.spec.replicas}")
	if strings.HasPrefix(text, "/") {
		return "0" + text
	}
	return text
}

// finish waits until every started instance has ended by itself.
func (s *stack) finish(ctx context.Context) {
	s.t.Helper()
	s.await(ctx, finishWithin, "all instances have finished", func() error {
		if n := s.query(ctx, unfinishedInstances); n > 0 {
			return fmt.Errorf("%d of %d instances have not finished", n, s.query(ctx, allInstances))
		}
		return nil
	})
	s.say("all %d instances have finished", s.query(ctx, allInstances))
}

// leader returns the Pod of the leading scaler: the Lease's holder, or the only one.
func (s *stack) leader(ctx context.Context) string {
	s.t.Helper()
	holder := s.kubectl(ctx, "get", "lease", "autoscaler-camunda-autoscaler-scaler", "--ignore-not-found", "--output=jsonpath={.spec.holderIdentity}")
	pods := strings.Fields(s.kubectl(ctx, "get", "pods", "--selector=app.kubernetes.io/component=scaler", "--output=jsonpath={.items[*].metadata.name}"))
	for _, pod := range pods {
		if strings.HasPrefix(holder, pod) || len(pods) == 1 {
			return pod
		}
	}
	s.t.Fatalf("the Lease is held by %q, which is none of %v", holder, pods)
	return ""
}

// counted returns the exporter's count of all starts it has seen.
func counted(ctx context.Context, exporter string) (int, error) {
	const name = "camunda_process_instances_started_total"
	text, err := get(ctx, "http://"+exporter+"/metrics")
	if err != nil {
		return 0, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	metrics := families[name].GetMetric()
	if len(metrics) != 1 {
		return 0, fmt.Errorf("the exporter has %d series of %s", len(metrics), name)
	}
	return int(metrics[0].GetCounter().GetValue()), nil
}

// nothingLeft checks that the namespace is as it was before the charts, but for
// the Job of a failed hook, which Kubernetes removes after an hour.
func (s *stack) nothingLeft(ctx context.Context) {
	s.t.Helper()
	kinds := s.kubectl(ctx, "api-resources", "--namespaced", "--verbs=list", "--output=name")
	var all []string
	for kind := range strings.Lines(kinds) {
		if kind = strings.TrimSpace(kind); !strings.HasPrefix(kind, "events") {
			all = append(all, kind)
		}
	}
	s.await(ctx, time.Minute, "nothing is left", func() error {
		left := s.kubectl(ctx, "get", strings.Join(all, ","), "--output=name", "--ignore-not-found")
		var unexpected []string
		for name := range strings.Lines(left) {
			name = strings.TrimSpace(name)
			if name != "configmap/kube-root-ca.crt" && name != "serviceaccount/default" && !strings.Contains(name, "-check-config") {
				unexpected = append(unexpected, name)
			}
		}
		if len(unexpected) > 0 {
			return fmt.Errorf("helm uninstall left %s", strings.Join(unexpected, ", "))
		}
		return nil
	})
	s.say("nothing is left")
}

// await tries until there is no error.
func (s *stack) await(ctx context.Context, limit time.Duration, what string, try func() error) {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s until %s: %v", limit, what, err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			s.t.Fatal(ctx.Err())
		}
	}
}
