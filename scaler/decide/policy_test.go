package decide

import (
	"testing"
	"time"
)

// Scrape intervals from 1 s to 5 min work without a configured age.
func TestMaxAgeFollowsTheSpacingUnlessConfigured(t *testing.T) {
	for _, c := range []struct{ configured, spacing, want time.Duration }{
		{0, 0, 30 * time.Second},
		{0, time.Second, 30 * time.Second},
		{0, 10 * time.Second, 30 * time.Second},
		{0, 30 * time.Second, 90 * time.Second},
		{0, 5 * time.Minute, 15 * time.Minute},
		{0, time.Hour, 15 * time.Minute},
		{10 * time.Second, 30 * time.Second, 10 * time.Second},
	} {
		if got := (Policy{MaxSampleAge: c.configured}).MaxAge(c.spacing); got != c.want {
			t.Errorf("%s configured, samples %s apart: got %s, want %s", c.configured, c.spacing, got, c.want)
		}
	}
}
