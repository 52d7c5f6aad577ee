package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestResources applies k8s_resources to a real API server.
func TestResources(t *testing.T) {
	folder, err := filepath.Abs("../k8s_resources")
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t, 0)
	t.Run("Prometheus and the autoscaler leave a Camunda that exists alone", func(t *testing.T) {
		s := s.in(t)
		const (
			own = "deployments/camunda-deployment deployments/db services/camunda-service services/db"
			get = "kubectl get " + own + " --output=jsonpath='{.items[*].spec}'"
		)
		s.run(`
for name in camunda-deployment db; do kubectl create deployment $name --image=$name; done
for name in camunda-service db; do kubectl create service clusterip $name --tcp=8080; done`)
		before := s.run(get)
		s.run("kubectl apply --filename=" + folder + "/prometheus.yaml --filename=" + folder + "/camunda-autoscaler.yaml")
		if after := s.run(get); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		s.run("kubectl delete " + own)
	})
	t.Run("a second apply changes nothing", func(t *testing.T) {
		s := s.in(t)
		apply := "kubectl apply --filename=" + folder
		s.run(apply)
		for line := range strings.Lines(s.run(apply)) {
			// kubectl sends a patch without effect for these two kinds in any case.
			quirk := strings.HasPrefix(line, "poddisruptionbudget") || strings.HasPrefix(line, "statefulset")
			if line = strings.TrimSpace(line); !strings.HasSuffix(line, " unchanged") && !quirk {
				t.Error(line)
			}
		}
		s.run("kubectl diff --filename=" + folder)
	})
}
