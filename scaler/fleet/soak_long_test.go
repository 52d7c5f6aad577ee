//go:build !race

package fleet

// soakDecisions is how many the soak test makes, unless SOAK_DECISIONS says
// otherwise. Each kind of fault occurs in them, the rarest a dozen times.
const soakDecisions = 200_000
