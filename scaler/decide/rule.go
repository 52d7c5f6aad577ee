package decide

import (
	"errors"
	"fmt"
	"math"
)

// Rule is the step rule: one replica more if the value per replica is at or
// above ScaleUpAt, one less if it is at or below ScaleDownAt. Both bounds are
// inclusive and exact.
type Rule struct {
	ScaleUpAt   float64
	ScaleDownAt float64
	MinReplicas int32 // a step down never goes below
	MaxReplicas int32 // a step up never goes above
}

// DefaultRule is the rule that the scaler was made for.
func DefaultRule() Rule {
	return Rule{ScaleUpAt: 50, ScaleDownAt: 20, MinReplicas: 1, MaxReplicas: 4}
}

// Validate returns one error for every contradiction in the rule, joined.
func (r Rule) Validate() error {
	var errs []error
	for _, bound := range []struct {
		name  string
		value float64
	}{{"scale_up_at", r.ScaleUpAt}, {"scale_down_at", r.ScaleDownAt}} {
		if math.IsNaN(bound.value) || math.IsInf(bound.value, 0) {
			errs = append(errs, fmt.Errorf("%s is %v: want a finite number", bound.name, bound.value))
		}
	}
	if r.ScaleUpAt <= r.ScaleDownAt {
		errs = append(errs, fmt.Errorf("scale_up_at %v is not above scale_down_at %v: raise scale_up_at or lower scale_down_at", r.ScaleUpAt, r.ScaleDownAt))
	}
	if r.MinReplicas < 1 {
		errs = append(errs, fmt.Errorf("min_replicas is %d: want 1 or more, the value is divided by the replicas", r.MinReplicas))
	}
	if r.MinReplicas > r.MaxReplicas {
		errs = append(errs, fmt.Errorf("min_replicas %d is above max_replicas %d: lower min_replicas or raise max_replicas", r.MinReplicas, r.MaxReplicas))
	}
	return errors.Join(errs...)
}
