package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/images"
	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/node"
)

const (
	namespace = "camunda"
	version   = "0.1.0"
)

// ownImages are those that docker/images.sh builds.
var ownImages = []string{
	"ghcr.io/camunda-autoscaler/camunda-exporter:" + version,
	"ghcr.io/camunda-autoscaler/camunda-process-starter:" + version,
	"ghcr.io/camunda-autoscaler/camunda-scaler:" + version,
}

// The two charts. Camunda's image is the oldest that is supported.
var (
	demo = release{name: "demo", chart: project.Demo, values: []string{
		"--set=camunda.image.tag=7.14.0", "--set=starter.startsPerInterval=0",
		"--set=camunda.javaOpts=-Xmx512m -XX:MaxMetaspaceSize=256m -XX:TieredStopAtLevel=1", // quick to start
	}}
	autoscaler = release{name: "autoscaler", chart: project.Autoscaler, values: []string{
		"--values=" + project.Demo + "/autoscaler-values.yaml",
	}}
)

// stack is a node with what the charts need: images, a volume, a namespace, the Prometheus operator's resources.
type stack struct {
	*node.Node
	t          *testing.T
	life       context.Context // the node's; longer than the test's, so that a failure can be described
	helm       helm
	autoscaler release // with all that the chart's README shows
	from       time.Time

	checkout string
}

func newStack(ctx context.Context, t *testing.T) *stack {
	t.Helper()
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, from: time.Now(), checkout: checkout}
	var end context.CancelFunc
	s.life, end = context.WithCancel(context.WithoutCancel(ctx))
	t.Cleanup(end)
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
	s.helm = newHelm(ctx, t, checkout, project.Helm4, s.Kubeconfig)
	s.say("Helm is built")
	s.autoscaler = autoscaler
	s.autoscaler.values = append(slices.Clone(autoscaler.values), "--values="+s.advertisedValues())
	s.loadImages(ctx)
	s.createNamespace(ctx)
	definitions, err := project.OperatorCRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range definitions {
		s.kubectl(ctx, "create", "--filename="+path)
	}
	return s
}

var yamlBlock = regexp.MustCompile("(?s)With kube-prometheus-stack.*?```yaml\n(.*?)```")

// advertisedValues writes the values for kube-prometheus-stack in the chart's README to a file, and returns its path.
func (s *stack) advertisedValues() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.checkout, project.Autoscaler, "README.md"))
	if err != nil {
		s.t.Fatal(err)
	}
	block := yamlBlock.FindSubmatch(text)
	if block == nil {
		s.t.Fatal("the chart's README has no values for kube-prometheus-stack")
	}
	path := filepath.Join(s.t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, block[1], 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// loadImages makes the images that the charts name.
func (s *stack) loadImages(ctx context.Context) {
	s.t.Helper()
	all := s.helm.images(ctx, s.t, demo, s.autoscaler)
	others := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(ownImages, name) })
	if len(others)+len(ownImages) != len(all) {
		s.t.Fatalf("the charts use %v, which lack some of the project's images %v", all, ownImages)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.loadStandIns(ctx, others) })
	group.Go(func() error { return s.buildImages(ctx) })
	if err := group.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) loadStandIns(ctx context.Context, names []string) error {
	standIns, err := images.StandIns(ctx, s.t.TempDir(), names...)
	if err != nil {
		return err
	}
	if err := s.LoadImages(ctx, standIns...); err != nil {
		return err
	}
	s.say("the stand-ins for %s are loaded", strings.Join(names, ", "))
	return nil
}

func (s *stack) buildImages(ctx context.Context) error {
	builder, err := images.NewBuilder(s.t.TempDir())
	if err != nil {
		return err
	}
	if err := builder.Build(ctx, images.Source{Checkout: s.checkout, Version: version, Revision: "e2e", Time: time.Now()}); err != nil {
		return err
	}
	for _, name := range ownImages {
		if err := builder.Archive(ctx, name, s.LoadArchive); err != nil {
			return err
		}
	}
	s.say("the Dockerfiles are built")
	return nil
}

// createNamespace creates a namespace that admits only Pods of the restricted
// standard, and the volume that the database will claim.
func (s *stack) createNamespace(ctx context.Context) {
	s.t.Helper()
	if err := s.AddVolume(ctx, s.t.TempDir()); err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.t.TempDir(), "namespace.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, `
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels: {pod-security.kubernetes.io/enforce: restricted}
`, namespace), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.kubectl(ctx, "apply", "--filename="+path)
}

// kubectl runs kubectl in the namespace and returns its output.
func (s *stack) kubectl(ctx context.Context, args ...string) string {
	s.t.Helper()
	out, err := s.Kubectl(ctx, append([]string{"--namespace=" + namespace}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// service returns an address on loopback that leads to a Service of ours, once
// it answers: kube-proxy lags behind the Pods.
func (s *stack) service(ctx context.Context, name string, port int) string {
	s.t.Helper()
	ip := s.kubectl(ctx, "get", "service", name, "--output=jsonpath={.spec.clusterIP}")
	address, err := s.Forward(ctx, ip+":"+strconv.Itoa(port))
	if err != nil {
		s.t.Fatal(err)
	}
	s.await(ctx, time.Minute, name+" answers", func() error {
		_, err := get(ctx, "http://"+address+"/-/healthy")
		return err
	})
	return address
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, text)
	}
	return text, err
}

// query reads one number from the database.
func (s *stack) query(ctx context.Context, sql string) int {
	s.t.Helper()
	out := s.kubectl(ctx, "exec", "db-0", "--", "psql", "--username=camunda", "--dbname=camunda", "--tuples-only", "--no-align", "--command="+sql)
	n, err := strconv.Atoi(out)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// say logs a step and when it was reached.
func (s *stack) say(format string, args ...any) {
	s.t.Helper()
	s.t.Logf("%6.1fs  %s", time.Since(s.from).Seconds(), fmt.Sprintf(format, args...))
}

// describe logs the state of the namespace, for a failure.
func (s *stack) describe() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"get", "pods,deployments,jobs,pvc", "--output=wide"},
		{"get", "events", "--sort-by=.lastTimestamp"},
		{"logs", "--selector=app.kubernetes.io/component=scaler", "--tail=40", "--prefix"},
		{"logs", "--selector=app.kubernetes.io/component=exporter", "--tail=20", "--prefix"},
		{"logs", "--selector=app.kubernetes.io/component=starter", "--tail=20", "--prefix"},
		{"logs", "--selector=app.kubernetes.io/component=camunda", "--tail=20", "--prefix"},
		{"logs", "--selector=app.kubernetes.io/component=check-config", "--tail=20", "--prefix"},
	} {
		out, err := s.Kubectl(ctx, append([]string{"--namespace=" + namespace}, args...)...)
		s.t.Logf("kubectl %s\n%s%v", strings.Join(args, " "), out, err)
	}
}
