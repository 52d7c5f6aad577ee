// Package e2e tests the charts and images as their users meet them: on a real
// Kubernetes node with a real Camunda cluster. It needs root on Linux;
// README.md says what else.
package e2e
