// Package enforcer enforces NetworkPolicies on one node, for tests alone: the
// network plugins that do it in production cannot be had here. It reads the same
// objects and makes nftables rules of them, of IPv4 only.
//
// It filters what is forwarded: between Pods, and between Pods and what is outside
// the node. Traffic between a Pod and its own node is always allowed, as the API
// says. Connections that were open before a policy stay open, which the API
// leaves to the implementation.
package enforcer
