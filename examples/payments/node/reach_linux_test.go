package node

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/netns"
)

// place is where connections come from.
type place struct {
	name  string
	space *netns.Space
}

// target is where they go to: the address of a Pod or a host, and a port. A place is
// not tried on itself.
type target struct{ of, name, address string }

// reachable is what the NetworkPolicies let through: from each place the targets.
var reachable = map[string][]string{
	"Antaeus":        {"charges of the provider", "DNS"},
	"the provider":   nil,
	"Prometheus":     {"metrics of the provider", "Antaeus's REST API", "metrics of Antaeus", "DNS", "a host outside"},
	"another Pod":    nil,
	"a host outside": {"Antaeus's REST API", "DNS"},
	"another team":   {"Antaeus's REST API", "DNS", "a host outside"},
}

// places returns the places and the targets. The host outside is both.
func (s *system) places(ctx context.Context, host *netns.Space) (places []place, targets []target) {
	s.t.Helper()
	ips := map[string]string{}
	for _, p := range []struct{ name, path string }{
		{"Antaeus", "payments/pods?labelSelector=app.kubernetes.io/name=antaeus,pod-template-hash"},
		{"the provider", "payments/pods?labelSelector=app.kubernetes.io/name=payment-provider"},
		{"Prometheus", "monitoring/pods?labelSelector=app.kubernetes.io/name=prometheus"},
		{"another Pod", "payments/pods?labelSelector=app.kubernetes.io/name=stranger"},
		{"another team", "default/pods?labelSelector=app.kubernetes.io/name=stranger"},
	} {
		var list core.PodList
		if err := s.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+p.path, nil, &list); err != nil {
			s.t.Fatal(err)
		}
		if len(list.Items) != 1 {
			s.t.Fatalf("there are %d Pods at %s, want one", len(list.Items), p.path)
		}
		ips[p.name] = list.Items[0].Status.PodIP
		space, err := s.PodNetwork(ips[p.name])
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { space.Close() })
		places = append(places, place{p.name, space})
	}
	const outside = "10.202.0.2:80"
	server := &http.Server{ReadHeaderTimeout: time.Second}
	listener, err := host.Listen(ctx, "tcp", outside)
	if err != nil {
		s.t.Fatal(err)
	}
	go server.Serve(listener)
	s.t.Cleanup(func() { server.Close() })
	return append(places, place{"a host outside", host}), []target{
		{"the provider", "charges of the provider", ips["the provider"] + ":8080"},
		{"the provider", "metrics of the provider", ips["the provider"] + ":8081"},
		{"Antaeus", "Antaeus's REST API", ips["Antaeus"] + ":8000"},
		{"Antaeus", "metrics of Antaeus", ips["Antaeus"] + ":8001"},
		{"the cluster", "DNS", "10.96.0.10:53"},
		{"a host outside", "a host outside", outside},
	}
}

// reach returns the targets that are reached from each place, by TCP.
func reach(ctx context.Context, places []place, targets []target) map[string][]string {
	var mu sync.Mutex
	var group sync.WaitGroup
	reached := map[string][]string{}
	for _, from := range places {
		reached[from.name] = nil
		for _, to := range targets {
			if to.of == from.name {
				continue
			}
			group.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				conn, err := from.space.Dial(ctx, "tcp", to.address)
				if err != nil {
					return
				}
				conn.Close()
				mu.Lock()
				defer mu.Unlock()
				reached[from.name] = append(reached[from.name], to.name)
			})
		}
	}
	group.Wait()
	for _, names := range reached {
		slices.SortFunc(names, func(a, b string) int {
			return slices.IndexFunc(targets, func(t target) bool { return t.name == a }) - slices.IndexFunc(targets, func(t target) bool { return t.name == b })
		})
	}
	return reached
}

// reachTable returns what the policies let through, for people.
func reachTable(places []place, targets []target) string {
	var text strings.Builder
	text.WriteString(`# What the NetworkPolicies let through

TestPayments makes this table (` + "`go test -run TestPayments . -args -update`" + `): it opens a TCP connection from each place to each
target, on a real node with [an enforcer for tests](enforcer). Without the policies all of them succeed.
Prometheus is a Pod in the namespace monitoring, another Pod one in the namespace payments, another team's in the namespace default.

| from |`)
	for _, t := range targets {
		text.WriteString(" " + t.name + " |")
	}
	text.WriteString("\n|---" + strings.Repeat("|---", len(targets)) + "|\n")
	for _, p := range places {
		text.WriteString("| " + p.name + " |")
		for _, t := range targets {
			switch {
			case t.of == p.name:
				text.WriteString(" |")
			case slices.Contains(reachable[p.name], t.name):
				text.WriteString(" yes |")
			default:
				text.WriteString(" no |")
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}
