package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/homedir"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// KubeConfig returns how to reach the API server. It takes the first of these
// that there is: kubeconfig (one file, or several as in $KUBECONFIG), the
// service account of the Pod that this runs in, ~/.kube/config. Unlike kubectl
// it prefers the service account to ~/.kube/config, and it does not use the
// namespace of the kubeconfig's context.
func KubeConfig(kubeconfig string) (*rest.Config, error) {
	c, err := kubeConfig(kubeconfig, homedir.HomeDir())
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	c.UserAgent = userAgent()
	// Each target makes a request or two per interval, and the server has its
	// own priority and fairness; client-go's limit of 5 a second would let
	// many targets wait for each other.
	c.QPS = -1
	return c, nil
}

func kubeConfig(kubeconfig, home string) (*rest.Config, error) {
	if kubeconfig == "" {
		c, err := rest.InClusterConfig()
		switch {
		case err == nil:
			return c, nil
		case !errors.Is(err, rest.ErrNotInCluster):
			return nil, fmt.Errorf("use the Pod's service account: %w", err)
		}
		const tried = "--kubeconfig and KUBECONFIG are not set, this is not a Pod (KUBERNETES_SERVICE_HOST is not set), and "
		if home == "" {
			return nil, errors.New(tried + "there is no home directory to look for .kube/config in: set --kubeconfig")
		}
		kubeconfig = filepath.Join(home, clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)
		if _, err := os.Stat(kubeconfig); errors.Is(err, os.ErrNotExist) {
			return nil, errors.New(tried + kubeconfig + " does not exist: set --kubeconfig")
		}
	}
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(kubeconfig)}
	if len(rules.Precedence) == 1 { // of several, those that are missing are skipped
		rules = &clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}
	}
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	return c, nil
}

// Workloads makes workloads that share one connection to the API server.
type Workloads struct {
	client      dynamic.Interface
	resources   workload.Resources
	autoscalers *workload.Autoscalers
}

// NewWorkloads makes no request. The workloads make each request once.
func NewWorkloads(c *rest.Config) (Workloads, error) {
	fail := func(err error) (Workloads, error) {
		return Workloads{}, fmt.Errorf("make a client for the API server: %w", err)
	}
	c = rest.CopyConfig(c)
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return oneAttempt{next} })
	httpClient, err := rest.HTTPClientFor(c)
	if err != nil {
		return fail(err)
	}
	client, err := dynamic.NewForConfigAndClient(c, httpClient)
	if err != nil {
		return fail(err)
	}
	c.NegotiatedSerializer = serializer.NewCodecFactory(runtime.NewScheme()).WithoutConversion()
	raw, err := rest.UnversionedRESTClientForConfigAndClient(c, httpClient)
	if err != nil {
		return fail(err)
	}
	return Workloads{client, workload.Discovery{Client: raw}, workload.NewAutoscalers(client)}, nil
}

// New returns the workload that ref names.
func (w Workloads) New(ref workload.Ref) *workload.Workload {
	return workload.New(ref, w.client, w.resources, w.autoscalers)
}

// oneAttempt keeps client-go from repeating a request, writes included, up to
// ten times: on a Retry-After header, and reads also on a connection that
// breaks. Every caller here has a retry of its own that knows better: a decision
// writes once, and a repeated write that conflicts with itself looks like
// another's.
type oneAttempt struct{ next http.RoundTripper }

func (t oneAttempt) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	switch {
	case err == nil:
		resp.Header.Del("Retry-After")
		return resp, nil
	case net.IsProbableEOF(err) || net.IsConnectionReset(err) || net.IsHTTP2ConnectionLost(err):
		return nil, errors.New("the API server closed the connection without an answer")
	}
	return nil, err
}
