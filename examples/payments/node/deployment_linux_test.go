package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var errTooFew = errors.New("too few calls were answered")

// testDeployment has the developer deploy a release that works and one that does not, with
// kubectl and while Antaeus charges.
func testDeployment(ctx context.Context, s *system, developer, colleague user) {
	as := func(u user, args ...string) (string, error) {
		return s.Kubectl(ctx, append([]string{"--kubeconfig=" + u.kubeconfig}, args...)...)
	}
	run := func(t *testing.T, args ...string) {
		t.Helper()
		if _, err := as(developer, args...); err != nil {
			t.Fatal(err)
		}
	}
	status := []string{"rollout", "status", "deployment/payment-provider", "--timeout=" + rollWithin.String()}
	setImage := func(deployment, tag string) []string {
		return []string{"set", "image", "deployment/" + deployment, "*=" + s.provider(tag)}
	}
	undisturbed := func(t *testing.T, l *load) {
		t.Helper()
		calls, failed := l.stop()
		if calls < 20 || len(failed) > 0 {
			t.Errorf("%d of %d calls failed: %v", len(failed), calls, errors.Join(failed...))
		}
		s.say("%d calls, of which %d failed", calls, len(failed))
	}
	first := s.kubectl(ctx, "get", "deployment", "payment-provider", `--output=jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`)
	s.t.Run("refused", func(t *testing.T) {
		for name, try := range map[string]func() (string, error){
			"another Deployment": func() (string, error) { return as(developer, setImage("antaeus", nextTag)...) },
			"replicas":           func() (string, error) { return as(developer, "scale", "deployment/payment-provider", "--replicas=3") },
			"a shell": func() (string, error) {
				return as(developer, "exec", "deployment/payment-provider", "--", "/payment-provider")
			},
			"a colleague": func() (string, error) { return as(colleague, setImage("payment-provider", nextTag)...) },
		} {
			if out, err := try(); err == nil || !strings.Contains(err.Error(), "forbidden") {
				t.Errorf("%s: %q, %v; want it forbidden", name, out, err)
			}
		}
	})
	s.t.Run("a new tag", func(t *testing.T) {
		s := s.in(t)
		l := s.load(ctx, 50*time.Millisecond)
		run(t, setImage("payment-provider", nextTag)...)
		run(t, status...)
		s.only(ctx, s.provider(nextTag))
		undisturbed(t, l)
	})
	s.t.Run("a release that does not start, and back", func(t *testing.T) {
		s := s.in(t)
		l := s.load(ctx, 50*time.Millisecond)
		run(t, setImage("payment-provider", brokenTag)...)
		if out, err := as(developer, "rollout", "status", "deployment/payment-provider", "--timeout=3s"); err == nil {
			t.Errorf("the rollout of a program that does not start succeeds: %s", out)
		}
		run(t, "rollout", "undo", "deployment/payment-provider")
		run(t, status...)
		s.only(ctx, s.provider(nextTag))
		undisturbed(t, l)
	})
	s.t.Run("back to the first", func(t *testing.T) {
		s := s.in(t)
		l := s.load(ctx, 50*time.Millisecond)
		run(t, "rollout", "undo", "deployment/payment-provider", "--to-revision="+first)
		run(t, status...)
		s.only(ctx, s.images["payment-provider"])
		undisturbed(t, l)
	})
}

// only waits until all Pods of the provider have an image.
func (s *system) only(ctx context.Context, image string) {
	s.t.Helper()
	within(ctx, s.t, time.Minute, "only "+image+" runs", func() error {
		pods, err := s.pods(ctx, "payment-provider")
		for _, p := range pods {
			if i := p.Spec.Containers[0].Image; i != image || p.DeletionTimestamp != nil {
				err = fmt.Errorf("%s of %s is still there", p.Name, i)
			}
		}
		return err
	})
}
