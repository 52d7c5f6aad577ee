package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/image"
	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/node"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/node/enforcer"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	namespace  = "payments"
	manifests  = "../kubernetes"
	nextTag    = "0.2.0"
	brokenTag  = "0.3.0"                // its program cannot be started
	enforce    = 250 * time.Millisecond // so often the policies are read
	rollWithin = 2 * time.Minute
)

// system is the example on a node, with an enforcer of its NetworkPolicies.
type system struct {
	*node.Node
	t      *testing.T
	life   context.Context // longer than the test's, so that a failure can be described
	from   time.Time
	images map[string]string // by the program

	nodePort string // of Antaeus
	antaeus  string // address on loopback that leads there
}

func newSystem(ctx context.Context, t *testing.T) *system {
	t.Helper()
	s := &system{t: t, from: time.Now()}
	var end context.CancelFunc
	s.life, end = context.WithCancel(context.WithoutCancel(ctx))
	t.Cleanup(end)
	var err error
	if s.Node, err = node.Start(s.life, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.describe()
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.say("the node is ready")
	s.loadImages(ctx)
	if err := s.AddVolume(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.enforcePolicies())
	s.kubectl(ctx, "apply", "--kustomize="+manifests)
	for _, name := range []string{"payment-provider", "antaeus"} {
		s.rolled(ctx, name)
	}
	s.nodePort = s.kubectl(ctx, "get", "service", "antaeus", "--output=jsonpath={.spec.ports[0].nodePort}")
	if s.antaeus, err = s.Forward(s.life, node.Address+":"+s.nodePort); err != nil {
		t.Fatal(err)
	}
	s.answers(ctx)
	s.say("payments and their provider are up")
	return s
}

var imageLine = regexp.MustCompile(`(?m)^[ -]+image: (\S+)$`)

// loadImages builds the programs, and makes the images that the manifests name, and
// the provider's next ones.
func (s *system) loadImages(ctx context.Context) {
	s.t.Helper()
	dir := s.t.TempDir()
	err := process.Run(ctx, process.Spec{
		Name: "go build", Path: "go", Args: []string{"build", "-trimpath", "-ldflags=-s -w", "-o", dir, "./cmd/..."},
		Dir: "..", Env: []string{"GOWORK=off", "CGO_ENABLED=0"}, Log: filepath.Join(dir, "build.log"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.images = map[string]string{}
	for _, line := range imageLine.FindAllStringSubmatch(s.kubectl(ctx, "kustomize", manifests), -1) {
		repository, _, _ := strings.Cut(line[1], ":")
		s.images[filepath.Base(repository)] = line[1]
	}
	var all []image.Image
	for _, program := range []string{"antaeus", "payment-provider"} {
		name, ok := s.images[program]
		if !ok {
			s.t.Fatalf("the manifests name the images %v, and none of %s", s.images, program)
		}
		i := image.Image{Name: name, Files: map[string]string{"/" + program: filepath.Join(dir, program)}, Entrypoint: []string{"/" + program}, User: "65532"}
		all = append(all, i)
		if program == "payment-provider" {
			i.Name = s.provider(nextTag)
			all = append(all, i)
			i.Name, i.Entrypoint = s.provider(brokenTag), []string{"/missing"}
			all = append(all, i)
		}
	}
	if err := s.LoadImages(ctx, all...); err != nil {
		s.t.Fatal(err)
	}
	s.say("the images are loaded")
}

// provider returns the provider's image with a tag.
func (s *system) provider(tag string) string {
	repository, _, _ := strings.Cut(s.images["payment-provider"], ":")
	return repository + ":" + tag
}

// enforcePolicies enforces NetworkPolicies until the function that it returns is called.
func (s *system) enforcePolicies() (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.life)
	ready, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		err := s.InNetwork(func() {
			e, err := enforcer.New()
			ready <- err
			if err == nil {
				e.Run(ctx, enforce, s.state, func(err error) { s.t.Logf("the enforcer: %v", err) })
			}
		})
		if err != nil {
			ready <- err
		}
	}()
	if err := <-ready; err != nil {
		s.t.Fatal(err)
	}
	return func() {
		cancel()
		<-done
	}
}

// state is what policies depend on, from the API server.
func (s *system) state(ctx context.Context) (enforcer.State, error) {
	var policies networking.NetworkPolicyList
	var pods core.PodList
	var namespaces core.NamespaceList
	err := errors.Join(
		s.Request(ctx, http.MethodGet, "/apis/networking.k8s.io/v1/networkpolicies", nil, &policies),
		s.Request(ctx, http.MethodGet, "/api/v1/pods", nil, &pods),
		s.Request(ctx, http.MethodGet, "/api/v1/namespaces", nil, &namespaces),
	)
	return enforcer.State{Policies: policies.Items, Pods: pods.Items, Namespaces: namespaces.Items}, err
}

// setAntaeus changes Antaeus's environment.
func (s *system) setAntaeus(ctx context.Context, variables ...string) {
	s.t.Helper()
	s.kubectl(ctx, append([]string{"set", "env", "deployment/antaeus"}, variables...)...)
	s.rolled(ctx, "antaeus")
	s.answers(ctx)
}

// setProvider changes the provider's environment, and waits until none is left that has
// the old one.
func (s *system) setProvider(ctx context.Context, variables ...string) {
	s.t.Helper()
	s.kubectl(ctx, append([]string{"set", "env", "deployment/payment-provider"}, variables...)...)
	s.rolled(ctx, "payment-provider")
	s.only(ctx, s.images["payment-provider"])
}

// pods returns those of a Deployment.
func (s *system) pods(ctx context.Context, deployment string) ([]core.Pod, error) {
	var list core.PodList
	err := s.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods?labelSelector=app.kubernetes.io/name="+deployment, nil, &list)
	return list.Items, err
}

// kubectl runs kubectl in the namespace and returns its output.
func (s *system) kubectl(ctx context.Context, args ...string) string {
	s.t.Helper()
	out, err := s.Kubectl(ctx, append([]string{"--namespace=" + namespace}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// rolled waits until all Pods of a Deployment are of its newest revision, and ready.
func (s *system) rolled(ctx context.Context, deployment string) {
	s.t.Helper()
	s.kubectl(ctx, "rollout", "status", "deployment/"+deployment, "--timeout="+rollWithin.String())
}

// answers waits until Antaeus answers at its NodePort: kube-proxy lags behind the Pods.
func (s *system) answers(ctx context.Context) {
	s.t.Helper()
	within(ctx, s.t, time.Minute, "the NodePort answers", func() error {
		_, err := fetch(ctx, http.MethodGet, "http://"+s.antaeus+"/rest/v1/invoices")
		return err
	})
}

// pay makes one call that charges what is pending, and returns whether all is
// paid. An error is an answer that is neither yes nor no.
func pay(ctx context.Context, antaeus string) (all bool, err error) {
	err = call(ctx, http.MethodPost, "http://"+antaeus+"/rest/v1/invoices/pay", &all)
	return all, err
}

// payAll calls until all is paid, and returns how often.
func (s *system) payAll(ctx context.Context, limit int) (calls int) {
	s.t.Helper()
	failed := 0
	for calls = 1; calls <= limit; calls++ {
		all, err := pay(ctx, s.antaeus)
		if err != nil {
			s.t.Log(err)
			if failed++; failed > 3 {
				s.t.Fatalf("%d of %d calls have failed", failed, calls)
			}
		}
		if all {
			s.say("all is paid after %d more calls", calls)
			return calls
		}
	}
	s.t.Fatalf("after %d calls, not all is paid", limit)
	return 0
}

// paid returns the ids of all invoices, and whether each is paid.
func (s *system) paid(ctx context.Context) map[int]bool {
	s.t.Helper()
	var invoices []struct {
		ID     int
		Status string
	}
	if err := call(ctx, http.MethodGet, "http://"+s.antaeus+"/rest/v1/invoices", &invoices); err != nil {
		s.t.Fatal(err)
	}
	all := map[int]bool{}
	for _, i := range invoices {
		if _, twice := all[i.ID]; twice {
			s.t.Fatalf("the invoice %d is there twice", i.ID)
		}
		all[i.ID] = i.Status == "PAID"
	}
	return all
}

func count(invoices map[int]bool) (paid int) {
	for _, yes := range invoices {
		if yes {
			paid++
		}
	}
	return paid
}

// client keeps its connections. With one for each of hundreds of calls within seconds,
// about one in 5,000 was reset or got no answer; most likely it was given the port of
// one that had just ended, when the node translated its address.
var client = &http.Client{Timeout: 8 * time.Second}

// call sends a request, and decodes the answer.
func call(ctx context.Context, method, url string, result any) error {
	text, err := fetch(ctx, method, url)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}

func fetch(ctx context.Context, method, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: status %s: %s", method, url, response.Status, text)
	}
	return text, err
}

// create creates objects from YAML.
func (s *system) create(ctx context.Context, text string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "objects.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Kubectl(ctx, "create", "--filename="+path); err != nil {
		s.t.Fatal(err)
	}
}

// say logs a step and when it was reached.
func (s *system) say(format string, args ...any) {
	s.t.Helper()
	s.t.Logf("%6.1fs  %s", time.Since(s.from).Seconds(), fmt.Sprintf(format, args...))
}

// in returns the system for a subtest.
func (s *system) in(t *testing.T) *system {
	inner := *s
	inner.t = t
	return &inner
}

// describe logs the state of the namespace, for a failure.
func (s *system) describe() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"get", "pods,deployments,pvc", "--output=wide", "--all-namespaces"},
		{"get", "events", "--sort-by=.lastTimestamp"},
		{"logs", "--selector=app.kubernetes.io/name=antaeus", "--tail=20", "--prefix"},
		{"logs", "--selector=app.kubernetes.io/name=payment-provider", "--tail=20", "--prefix"},
	} {
		if !slices.Contains(args, "--all-namespaces") {
			args = append(args, "--namespace="+namespace)
		}
		out, err := s.Kubectl(ctx, args...)
		s.t.Logf("kubectl %s\n%s%v", strings.Join(args, " "), out, err)
	}
}
