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
)

const (
	// settleWithin is how long a changed rate may take to have its replicas.
	settleWithin = 180 * time.Second
	// settled is how long they then have to stay: three of the scaler's decisions.
	settled = 30 * time.Second
	// finishWithin is how long instances may take to end: a job that a Pod had
	// locked when it was taken away is free again after the engine's five minutes.
	finishWithin = 6 * time.Minute
	// outage is how long the API server is away: longer than between two decisions.
	outage = 15 * time.Second
)

// TestStory is the whole job on real parts: the rate changes, the replicas
// follow, nothing is lost, whatever fails meanwhile, and nothing is left.
func TestStory(t *testing.T) {
	ctx := t.Context()
	s := newStack(ctx, t)
	s.helm.install(ctx, t, demo)
	s.say("the chart camunda-demo is installed")
	s.helm.install(ctx, t, autoscaler)
	s.say("the chart camunda-autoscaler is installed")

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
	s.helm.mustRun(ctx, t, "test", autoscaler.name)
	s.say("helm test is content")
	t.Run("access", func(t *testing.T) { testAccess(ctx, t, s) })

	s.setRate(starter, 120)
	s.settle(ctx, 3)
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
	s.helm.upgrade(ctx, t, autoscaler, "--set=scaler.log.level=debug")
	if n := s.replicas(ctx); n != "4/4" {
		t.Errorf("helm upgrade has changed the replicas from 4/4 to %s", n)
	}
	s.say("both charts are upgraded")

	s.setRate(starter, 5)
	s.settle(ctx, 1)

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

	s.helm.uninstall(ctx, t, autoscaler)
	helm3 := newHelm(ctx, t, s.checkout, "helm3", s.Kubeconfig)
	helm3.install(ctx, t, autoscaler)
	helm3.mustRun(ctx, t, "test", autoscaler.name) // at once: it waits for the first sample
	helm3.uninstall(ctx, t, autoscaler)
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

// replicas returns ready/wanted ones of Camunda, such as 2/3.
func (s *stack) replicas(ctx context.Context) string {
	s.t.Helper()
	text := s.kubectl(ctx, "get", "deployment", "camunda-deployment", "--output=jsonpath={.status.readyReplicas}/{.spec.replicas}")
	if strings.HasPrefix(text, "/") {
		return "0" + text
	}
	return text
}

// finish waits until every instance that was started has ended by itself.
func (s *stack) finish(ctx context.Context) {
	s.t.Helper()
	s.await(ctx, finishWithin, "all instances have finished", func() error {
		if n := s.query(ctx, unfinishedInstances); n > 0 {
			return fmt.Errorf("%d of %d instances have not", n, s.query(ctx, allInstances))
		}
		return nil
	})
	s.say("all %d instances have finished", s.query(ctx, allInstances))
}

// leader returns the scaler's Pod that scales: the Lease's holder, or the only one.
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

// nothingLeft checks that the namespace is as it was before the charts.
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
			if name != "configmap/kube-root-ca.crt" && name != "serviceaccount/default" {
				unexpected = append(unexpected, name)
			}
		}
		if len(unexpected) > 0 {
			return fmt.Errorf("helm uninstall has left %s", strings.Join(unexpected, ", "))
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
