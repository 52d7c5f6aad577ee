//go:build !race

package fleet

// soakDecisions is how many the soak test makes, unless -short.
const soakDecisions = 1_000_000
