package enforcer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	serverIP, clientIP, strangerIP, foreignIP = "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4"

	denyAll = `{podSelector: {}, policyTypes: [Ingress, Egress]}`
	// What the provider of the example accepts, and what its caller needs.
	clientOnly = `{podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress],
		ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: http}]}]}`
	clientMayCall = `{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress],
		egress: [{to: [{podSelector: {matchLabels: {app: server}}}], ports: [{port: http}]}]}`
)

// TestFilters has what the API's reference says of each field.
func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name     string
		policies []string
		desired  []string
	}{
		{"without a policy nothing is isolated", nil, nil},
		{
			"an empty rule accepts everything",
			[]string{`{podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress], ingress: [{}]}`},
			[]string{"Ingress server: "},
		},
		{"no rule accepts nothing, in the policy's namespace alone", []string{denyAll}, []string{
			"Ingress server", "Egress server", "Ingress client", "Egress client", "Ingress stranger", "Egress stranger",
		}},
		{
			"a policy of egress does not isolate ingress",
			[]string{`{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}`},
			[]string{"Egress client"},
		},
		{
			"a peer without namespaceSelector is in the policy's namespace, and a port's name is the receiver's",
			[]string{clientOnly, clientMayCall},
			[]string{"Ingress server: ip saddr 10.9.0.2 tcp dport 8080", "Egress client: ip daddr 10.9.0.1 tcp dport 8080"},
		},
		{
			"a peer with both selectors",
			[]string{`{podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress],
			ingress: [{from: [{namespaceSelector: {matchLabels: {kind: other}}, podSelector: {matchLabels: {app: client}}}], ports: [{port: 80}]}]}`},
			[]string{"Ingress server: ip saddr 10.9.0.4 tcp dport 80"},
		},
		{
			"a peer with namespaceSelector alone is all of their Pods",
			[]string{`{podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress],
			ingress: [{from: [{namespaceSelector: {}}]}]}`},
			[]string{"Ingress server: ip saddr 10.9.0.1; ip saddr 10.9.0.2; ip saddr 10.9.0.3; ip saddr 10.9.0.4"},
		},
		{"policies add up", []string{
			denyAll, `{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{ports: [{protocol: UDP, port: 53}]}]}`,
			`{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{ports: [{protocol: TCP}]}]}`,
		}, []string{
			"Ingress server", "Egress server", "Ingress client", "Egress client", "Ingress stranger", "Egress stranger: udp dport 53; ip protocol tcp",
		}},
		{
			"a range of addresses with exceptions, and one of ports",
			[]string{`{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress],
			egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16, 10.8.0.0/16]}}], ports: [{port: 30000, endPort: 32767}]}]}`},
			[]string{"Egress client: ip daddr 10.0.0.0/8 ip daddr != { 10.9.0.0/16, 10.8.0.0/16 } tcp dport 30000-32767"},
		},
		{
			"a range of IPv6 is nothing here",
			[]string{`{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "fd00::/8"}}]}]}`},
			[]string{"Egress client"},
		},
		{
			"expressions",
			[]string{`{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [server, client]}]}, policyTypes: [Ingress]}`},
			[]string{"Ingress stranger"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := filters(state(t, c.policies...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range all {
				text := fmt.Sprintf("%s %s", f.direction, names[f.address])
				if len(f.accepted) > 0 {
					text += ": " + strings.Join(f.accepted, "; ")
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.desired) {
				t.Errorf("the filters are\n%q, want\n%q", got, c.desired)
			}
		})
	}
}

// TestRefused has policies that must not be taken for others, that are open.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, policy, reason string }{
		{"no types", `{podSelector: {}}`, "no policyTypes"},
		{"a selector that cannot be", `{podSelector: {matchExpressions: [{key: app, operator: Near}]}, policyTypes: [Ingress]}`, "Near"},
		{"addresses that cannot be", `{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.9.0.1}}]}]}`, "10.9.0.1"},
		{"a port's name without Pods", `{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`, "give its number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := filters(state(t, c.policy))
			if err == nil || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), "payments/policy-0") {
				t.Errorf("the error is %v, which should name the policy and %q", err, c.reason)
			}
		})
	}
}

// TestNotNetworked has Pods whose address is not theirs.
func TestNotNetworked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*core.Pod)
	}{
		{"of the node's network", func(p *core.Pod) { p.Spec.HostNetwork = true }},
		{"that has ended", func(p *core.Pod) { p.Status.Phase = core.PodSucceeded }},
		{"without an address yet", func(p *core.Pod) { p.Status.PodIP = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := state(t, clientOnly)
			c.change(&s.Pods[1])
			all, err := filters(s)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != 1 || len(all[0].accepted) != 0 {
				t.Errorf("the filters are %+v, want one that accepts nothing", all)
			}
		})
	}
}

var names = map[string]string{serverIP: "server", clientIP: "client", strangerIP: "stranger", foreignIP: "foreign client"}

// state has three Pods in the namespace payments, one in another, and policies by
// their specifications.
func state(t *testing.T, policies ...string) State {
	t.Helper()
	pod := func(namespace, app, address string) core.Pod {
		return core.Pod{
			ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: app, Labels: map[string]string{"app": app}},
			Spec:       core.PodSpec{Containers: []core.Container{{Ports: []core.ContainerPort{{Name: "http", ContainerPort: 8080}}}}},
			Status:     core.PodStatus{Phase: core.PodRunning, PodIP: address},
		}
	}
	s := State{
		Pods: []core.Pod{
			pod("payments", "server", serverIP), pod("payments", "client", clientIP), pod("payments", "stranger", strangerIP),
			pod("other", "client", foreignIP),
		},
		Namespaces: []core.Namespace{
			{ObjectMeta: meta.ObjectMeta{Name: "payments"}},
			{ObjectMeta: meta.ObjectMeta{Name: "other", Labels: map[string]string{"kind": "other"}}},
		},
	}
	for i, text := range policies {
		policy := networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "payments", Name: fmt.Sprintf("policy-%d", i)}}
		if err := yaml.Unmarshal([]byte(text), &policy.Spec); err != nil {
			t.Fatal(err)
		}
		s.Policies = append(s.Policies, policy)
	}
	return s
}
