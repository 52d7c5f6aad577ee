package bare

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// tick is what Linux counts CPU time in (USER_HZ).
const tick = 10 * time.Millisecond

// CPU returns the CPU time that the nodes have taken, on Linux. On a machine that
// others use as well, it says more of a cost than the time on a clock.
func (b *Cluster) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, n := range b.nodes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.PID()))
		if err != nil {
			return 0, err
		}
		// The name, in parentheses, may have spaces. The 12th and 13th fields after it are user and system time.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		var user, system int64
		if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
			return 0, fmt.Errorf("reading the CPU time of %d: %w", n.PID(), err)
		}
		sum += time.Duration(user+system) * tick
	}
	return sum, nil
}
