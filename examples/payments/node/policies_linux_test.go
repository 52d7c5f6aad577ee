package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// strangers are Pods that run Antaeus as well, with the same request to the provider.
// They differ from it in their labels or their namespace alone.
var strangers = []struct {
	name, namespace, label string
	reaches                bool
}{
	{"stranger", namespace, "stranger", false},
	{"outsider", "default", "stranger", false},
	{"impostor", "default", "antaeus", false}, // the label counts only in the policy's namespace
	{"twin", namespace, "antaeus", true},      // so the right to create Pods there is the right to call the provider
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
	for _, p := range strangers {
		fmt.Fprintf(&objects, stranger, p.name, p.namespace, p.label, s.images["antaeus"], provider)
	}
	s.create(ctx, objects.String())
	addresses := map[string]string{"Antaeus": s.antaeus}
	var own, all []string
	for _, p := range strangers {
		addresses[p.name] = s.stranger(ctx, p.name, p.namespace)
		all = append(all, p.name)
		if p.reaches {
			own = append(own, p.name)
		}
	}
	own, all = append(own, "Antaeus"), append(all, "Antaeus")
	slices.Sort(own)
	slices.Sort(all)

	s.t.Run("only Antaeus reaches the provider", func(t *testing.T) {
		s.in(t).reachedBy(ctx, addresses, own)
		s.say("the provider is reached by %s alone", strings.Join(own, " and "))
	})
	s.t.Run("without policies every Pod does", func(t *testing.T) {
		s := s.in(t)
		s.kubectl(ctx, "delete", "networkpolicies", "--all")
		s.reachedBy(ctx, addresses, all)
		s.say("without policies it is reached by %s", strings.Join(all, ", "))
	})
	s.t.Run("with them again only Antaeus does", func(t *testing.T) {
		s := s.in(t)
		s.kubectl(ctx, "apply", "--filename="+manifests+"/base/network.yaml")
		s.reachedBy(ctx, addresses, own)
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
	var ip string
	within(ctx, s.t, time.Minute, "the address of "+name, func() (err error) {
		ip, err = s.Kubectl(ctx, "get", "pod", name, "--namespace="+namespace, "--output=jsonpath={.status.podIP}")
		if err == nil && net.ParseIP(ip) == nil {
			err = errors.New("it has none yet")
		}
		return err
	})
	address, err := s.Forward(s.life, ip+":8000")
	if err != nil {
		s.t.Fatal(err)
	}
	within(ctx, s.t, time.Minute, name+" answers", func() error {
		var invoices []struct{}
		return call(ctx, "GET", "http://"+address+"/rest/v1/invoices", &invoices)
	})
	return address
}

// reachedBy waits until the provider is reached by those Pods and no others: the
// enforcer may be behind.
func (s *system) reachedBy(ctx context.Context, addresses map[string]string, desired []string) {
	s.t.Helper()
	within(ctx, s.t, 15*time.Second, "the Pods that reach the provider", func() error {
		type outcome struct {
			name string
			err  error
		}
		outcomes := make(chan outcome)
		for name, address := range addresses {
			go func() {
				_, err := pay(ctx, address)
				outcomes <- outcome{name, err}
			}()
		}
		var reach []string
		var errs []error
		for range addresses {
			if o := <-outcomes; o.err == nil {
				reach = append(reach, o.name)
			} else {
				errs = append(errs, fmt.Errorf("%s: %w", o.name, o.err))
			}
		}
		slices.Sort(reach)
		if slices.Equal(reach, desired) {
			return nil
		}
		return fmt.Errorf("it is reached by %q, want %q; %w", reach, desired, errors.Join(errs...))
	})
}
