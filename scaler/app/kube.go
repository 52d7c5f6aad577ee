package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/homedir"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
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
	c.UserAgent = UserAgent()
	// The requests in flight are bounded instead (see gate.Gate); client-go's
	// limit of 5 a second would let many targets wait for each other.
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

// Kube is the connection to the API server.
type Kube struct {
	*workload.Cluster
	Gate   *gate.Gate // of all requests but those for the Lease
	client dynamic.Interface
}

// NewKube makes no request. Each request is made once.
func NewKube(c *rest.Config, l gate.Load, logger log.Logger) (Kube, error) {
	fail := func(err error) (Kube, error) {
		return Kube{}, fmt.Errorf("make a client for the API server: %w", err)
	}
	bound := gate.New(l)
	c = rest.CopyConfig(c)
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return oneAttempt{next, bound.Throttled} })
	httpClient, err := rest.HTTPClientFor(c)
	if err != nil {
		return fail(err)
	}
	client, err := dynamic.NewForConfigAndClient(c, httpClient)
	if err != nil {
		return fail(err)
	}
	raw, err := kubeapi.NewREST(c, httpClient)
	if err != nil {
		return fail(err)
	}
	return Kube{workload.New(raw, bound, logger), bound, client}, nil
}

// oneAttempt keeps client-go from repeating a request, writes included, up to
// ten times: on a Retry-After header, and reads also on a connection that
// breaks. Every caller here has a retry of its own that knows better: a decision
// writes once, and a repeated write that conflicts with itself looks like
// another's. What the header says is told to all that make requests.
type oneAttempt struct {
	next      http.RoundTripper
	throttled func(wait time.Duration)
}

func (t oneAttempt) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	switch {
	case err == nil:
		if resp.StatusCode == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
			t.throttled(time.Duration(seconds) * time.Second)
		}
		resp.Header.Del("Retry-After")
		return resp, nil
	case net.IsProbableEOF(err) || net.IsConnectionReset(err) || net.IsHTTP2ConnectionLost(err):
		return nil, errors.New("the API server closed the connection without an answer")
	}
	return nil, err
}
