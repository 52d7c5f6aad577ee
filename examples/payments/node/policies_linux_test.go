package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/netns"
	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/node"
)

// strangers are Pods that run Antaeus as well, with the same request to the provider.
// They differ from it in their labels or their namespace alone.
var strangers = []struct {
	name, namespace, label string
}{
	{"stranger", namespace, "stranger"},
	{"outsider", "default", "stranger"},
	{"impostor", "default", "antaeus"}, // the label counts only in the policy's namespace
	{"twin", namespace, "antaeus"},     // so the right to create Pods there is the right to call the provider
	{"prometheus", "monitoring", "prometheus"},
}

// stranger is a Pod that is never ready, so that no Service leads to it. %s are its
// name, namespace, label, image, and the provider's address.
const stranger = `
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s, labels: {app.kubernetes.io/name: %s}}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: antaeus
    image: %s
    imagePullPolicy: Never
    env:
    - {name: PAYMENT_PROVIDER_ENDPOINT, value: "http://%s/"}
    - {name: PAYMENT_PROVIDER_TIMEOUT, value: 1s}
    - {name: ANTAEUS_DATABASE, value: /data/antaeus.db}
    - {name: ANTAEUS_INVOICES, value: "10000"}
    readinessProbe: {httpGet: {path: /never, port: 8000}}
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
---`

// testPolicies has the same request reach the provider or not, by the NetworkPolicies
// alone.
func testPolicies(ctx context.Context, s *system) {
	provider := s.kubectl(ctx, "get", "service", "payment-provider", "--output=jsonpath={.spec.clusterIP}")
	var objects strings.Builder
	objects.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: monitoring}\n---")
	for _, p := range strangers {
		fmt.Fprintf(&objects, stranger, p.name, p.namespace, p.label, s.images["antaeus"], provider)
	}
	s.create(ctx, objects.String())
	charge := func(address string) func() error {
		return func() error {
			_, err := pay(ctx, address)
			return err
		}
	}
	callers := map[string]func() error{"Antaeus": charge(s.antaeus)}
	for _, p := range strangers {
		callers[p.name] = charge(s.stranger(ctx, p.name, p.namespace))
	}
	host := s.outside()
	callers["a host outside by Antaeus"] = func() error { return send(ctx, host, node.Address+":"+s.nodePort, "/rest/v1/invoices/pay", "") }
	callers["a host outside"] = func() error {
		return send(ctx, host, provider+":80", "/", `{"customer_id":1,"value":340.45,"currency":"USD"}`)
	}
	all := slices.Sorted(maps.Keys(callers))
	places, targets := s.places(ctx, host)
	own := []string{"Antaeus", "a host outside by Antaeus", "twin"}

	s.t.Run("only Antaeus reaches the provider", func(t *testing.T) {
		s.in(t).reachedBy(ctx, callers, own)
		s.say("the provider is reached by %s", strings.Join(own, ", "))
		if got := reach(ctx, places, targets); !maps.EqualFunc(got, reachable, slices.Equal) {
			t.Errorf("from each place these are reached:\n%v, want\n%v", got, reachable)
		}
		s.checkTable("reach.md", reachTable(places, targets))
	})
	s.t.Run("without policies every Pod does", func(t *testing.T) {
		s := s.in(t)
		s.kubectl(ctx, "delete", "networkpolicies", "--all")
		s.reachedBy(ctx, callers, all)
		s.say("without policies it is reached by %s", strings.Join(all, ", "))
		for place, reached := range reach(ctx, places, targets) {
			for _, target := range targets {
				if target.of != place && !slices.Contains(reached, target.name) {
					t.Errorf("from %s, %s is not reached", place, target.name)
				}
			}
		}
	})
	s.t.Run("with them again only Antaeus does", func(t *testing.T) {
		s := s.in(t)
		s.kubectl(ctx, "apply", "--filename="+manifests+"/base/network.yaml")
		s.reachedBy(ctx, callers, own)
	})
	for _, p := range strangers {
		if _, err := s.Kubectl(ctx, "delete", "pod", p.name, "--namespace="+p.namespace, "--wait=false"); err != nil {
			s.t.Error(err)
		}
	}
}

// stranger returns an address that leads to a Pod's REST API, once it answers: from
// its own node every Pod is reached.
func (s *system) stranger(ctx context.Context, name, namespace string) string {
	s.t.Helper()
	var pod core.Pod
	within(ctx, s.t, time.Minute, "the address of "+name, func() error {
		err := s.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods/"+name, nil, &pod)
		if err == nil && pod.Status.PodIP == "" {
			err = errors.New("it has none yet")
		}
		return err
	})
	address, err := s.Forward(s.life, pod.Status.PodIP+":8000")
	if err != nil {
		s.t.Fatal(err)
	}
	within(ctx, s.t, time.Minute, name+" answers", func() error {
		var invoices []struct{}
		return call(ctx, "GET", "http://"+address+"/rest/v1/invoices", &invoices)
	})
	return address
}

// outside returns a host that has the node as its router.
func (s *system) outside() *netns.Space {
	s.t.Helper()
	host, err := netns.New()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { host.Close() })
	for _, at := range []struct {
		enter    func(func()) error
		commands string
	}{
		{s.InNetwork, "ip link add outside type veth peer name eth0 netns " + host.Path() +
			"\nip address add 10.202.0.1/24 dev outside\nip link set outside up"},
		{host.Do, "ip address add 10.202.0.2/24 dev eth0\nip link set eth0 up\nip route add default via 10.202.0.1"},
	} {
		err := at.enter(func() {
			if out, err := exec.Command("sh", "-euc", at.commands).CombinedOutput(); err != nil {
				s.t.Errorf("%v: %s", err, out)
			}
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return host
}

// send posts a body from a host.
func send(ctx context.Context, host *netns.Space, address, path, body string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DialContext: host.Dial, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

// reachedBy waits until the provider is reached by those callers and no others: the
// enforcer may be behind.
func (s *system) reachedBy(ctx context.Context, callers map[string]func() error, desired []string) {
	s.t.Helper()
	within(ctx, s.t, 15*time.Second, "the callers that reach the provider", func() error {
		var mu sync.Mutex
		var reach []string
		var errs []error
		var group sync.WaitGroup
		for name, charge := range callers {
			group.Go(func() {
				err := charge()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					reach = append(reach, name)
				} else {
					errs = append(errs, fmt.Errorf("%s: %w", name, err))
				}
			})
		}
		group.Wait()
		slices.Sort(reach)
		if slices.Equal(reach, desired) {
			return nil
		}
		return fmt.Errorf("it is reached by %q, want %q; %w", reach, desired, errors.Join(errs...))
	})
}
