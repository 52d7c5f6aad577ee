// Package node has the tests of the example on a real node (see e2e/node), as root on
// Linux: the NetworkPolicies, by an enforcer that is for tests alone, the rights of a
// developer, releases and rollbacks while Antaeus charges, and faults.
package node
