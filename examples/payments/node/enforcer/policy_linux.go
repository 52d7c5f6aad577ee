package enforcer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// State is what the rules depend on, as the API server returns it.
type State struct {
	Policies   []networking.NetworkPolicy
	Pods       []core.Pod
	Namespaces []core.Namespace
}

// A filter is what one Pod accepts in one direction. All else is dropped.
type filter struct {
	direction networking.PolicyType
	address   string   // the Pod's
	accepted  []string // expressions of nftables; "" is everything
}

// filters returns those of the Pods that a policy isolates.
func filters(s State) ([]filter, error) {
	var all []filter
	for _, pod := range s.Pods {
		if !networked(pod) {
			continue
		}
		for _, direction := range []networking.PolicyType{networking.PolicyTypeIngress, networking.PolicyTypeEgress} {
			f := filter{direction: direction, address: pod.Status.PodIP}
			isolated := false
			for _, policy := range s.Policies {
				applies, err := s.applies(policy, pod, direction)
				if err == nil && applies {
					isolated = true
					err = s.accept(&f, policy, pod)
				}
				if err != nil {
					return nil, fmt.Errorf("NetworkPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
				}
			}
			if isolated {
				all = append(all, f)
			}
		}
	}
	return all, nil
}

// networked reports whether a Pod has an address of its own, which no other Pod has.
func networked(pod core.Pod) bool {
	address, err := netip.ParseAddr(pod.Status.PodIP)
	return err == nil && address.Is4() && !pod.Spec.HostNetwork &&
		pod.Status.Phase != core.PodSucceeded && pod.Status.Phase != core.PodFailed
}

func (s State) applies(policy networking.NetworkPolicy, pod core.Pod, direction networking.PolicyType) (bool, error) {
	if len(policy.Spec.PolicyTypes) == 0 {
		return false, fmt.Errorf("it has no policyTypes, which the API server sets")
	}
	if policy.Namespace != pod.Namespace || !slices.Contains(policy.Spec.PolicyTypes, direction) {
		return false, nil
	}
	return matches(&policy.Spec.PodSelector, pod.Labels)
}

// accept adds what a policy lets through to a filter of one of its Pods.
func (s State) accept(f *filter, policy networking.NetworkPolicy, pod core.Pod) error {
	if f.direction == networking.PolicyTypeIngress {
		for _, rule := range policy.Spec.Ingress {
			if err := s.acceptRule(f, policy.Namespace, pod, rule.From, rule.Ports); err != nil {
				return err
			}
		}
		return nil
	}
	for _, rule := range policy.Spec.Egress {
		if err := s.acceptRule(f, policy.Namespace, pod, rule.To, rule.Ports); err != nil {
			return err
		}
	}
	return nil
}

func (s State) acceptRule(f *filter, namespace string, pod core.Pod, peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort) error {
	field := "ip saddr"
	if f.direction == networking.PolicyTypeEgress {
		field = "ip daddr"
	}
	add := func(address string, destination *core.Pod) error {
		if len(ports) == 0 {
			f.accepted = append(f.accepted, address)
		}
		for _, port := range ports {
			expressions, err := expressions(port, destination)
			if err != nil {
				return err
			}
			for _, e := range expressions {
				f.accepted = append(f.accepted, strings.TrimSpace(address+" "+e))
			}
		}
		return nil
	}
	destination := func(peer *core.Pod) *core.Pod {
		if f.direction == networking.PolicyTypeIngress {
			return &pod
		}
		return peer
	}
	if len(peers) == 0 {
		return add("", destination(nil))
	}
	for _, peer := range peers {
		if peer.IPBlock != nil {
			address, err := block(field, *peer.IPBlock)
			if err == nil && address != "" {
				err = add(address, destination(nil))
			}
			if err != nil {
				return err
			}
			continue
		}
		pods, err := s.selected(peer, namespace)
		if err != nil {
			return err
		}
		for _, p := range pods {
			if err := add(field+" "+p.Status.PodIP, destination(&p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// selected returns the Pods that a peer of a policy in a namespace selects.
func (s State) selected(peer networking.NetworkPolicyPeer, namespace string) ([]core.Pod, error) {
	chosen := map[string]bool{namespace: peer.NamespaceSelector == nil}
	for _, n := range s.Namespaces {
		if peer.NamespaceSelector == nil {
			break
		}
		var err error
		if chosen[n.Name], err = matches(peer.NamespaceSelector, n.Labels); err != nil {
			return nil, err
		}
	}
	var pods []core.Pod
	for _, pod := range s.Pods {
		if !chosen[pod.Namespace] || !networked(pod) {
			continue
		}
		if peer.PodSelector != nil {
			ok, err := matches(peer.PodSelector, pod.Labels)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		pods = append(pods, pod)
	}
	return pods, nil
}

func matches(selector *meta.LabelSelector, set map[string]string) (bool, error) {
	s, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(set)), err
}

// block returns the expression of a range of addresses, or "" if it is not of IPv4.
func block(field string, b networking.IPBlock) (string, error) {
	for _, cidr := range append([]string{b.CIDR}, b.Except...) {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return "", fmt.Errorf("ipBlock: %w", err)
		}
		if !prefix.Addr().Is4() {
			return "", nil
		}
	}
	text := field + " " + b.CIDR
	if len(b.Except) > 0 {
		text += " " + field + " != { " + strings.Join(b.Except, ", ") + " }"
	}
	return text, nil
}

// expressions returns those of a port: one, or, of a port's name, as many as the
// destination has ports of this name. destination may be nil.
func expressions(port networking.NetworkPolicyPort, destination *core.Pod) ([]string, error) {
	protocol := core.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	name := strings.ToLower(string(protocol))
	switch {
	case port.Port == nil:
		return []string{"ip protocol " + name}, nil
	case port.Port.Type == intstr.Int && port.EndPort != nil:
		return []string{fmt.Sprintf("%s dport %d-%d", name, port.Port.IntVal, *port.EndPort)}, nil
	case port.Port.Type == intstr.Int:
		return []string{fmt.Sprintf("%s dport %d", name, port.Port.IntVal)}, nil
	case destination == nil:
		return nil, fmt.Errorf("port %q has a name, and the rule names no Pods that would have it: give its number", port.Port.StrVal)
	}
	var all []string
	for _, container := range destination.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name == port.Port.StrVal && (p.Protocol == protocol || p.Protocol == "" && protocol == core.ProtocolTCP) {
				all = append(all, fmt.Sprintf("%s dport %d", name, p.ContainerPort))
			}
		}
	}
	return all, nil
}
