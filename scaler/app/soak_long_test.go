//go:build !race

package app

// soakDecisions is how many the soak test makes, unless -short.
const soakDecisions = 1_000_000
