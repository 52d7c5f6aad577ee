//go:build race

package fleet

// soakDecisions is how many the soak test makes: fewer, for the race detector
// takes its time.
const soakDecisions = 50_000
