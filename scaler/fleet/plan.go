package fleet

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// spec is everything that a member is made from.
type spec struct {
	target *config.Target // with the workload's own name and reference
	group  string         // the target that found it; "" for a target of its own
	key    query.Key      // in the group's queries
	source any            // where its samples come from: a connection, or a group
}

func (s spec) ref() workload.Ref { return s.target.Workload }

// sameAs reports whether a member of the one spec can go on as one of the other.
func (s spec) sameAs(other spec) bool {
	if s.source != other.source || s.group != other.group {
		return false
	}
	return s.group != "" || reflect.DeepEqual(s.target, other.target)
}

// plan is what has to be done so that the desired members run, and no others. A
// member whose spec changes is stopped and started.
type plan struct {
	stop      []workload.Ref
	start     []spec
	conflicts []conflict
}

// conflict is a workload that two targets name. One of them gets it.
type conflict struct {
	ref       workload.Ref
	by, other string // the group that does not get it, and the target that does
}

// newPlan compares what runs with what is desired. If several targets name one
// workload, a target of its own gets it; else the group whose member runs, else
// the first.
func newPlan(running map[workload.Ref]spec, desired []spec) plan {
	var p plan
	chosen := make(map[workload.Ref]spec, len(desired))
	for _, s := range desired {
		held, taken := chosen[s.ref()]
		switch {
		case !taken:
			chosen[s.ref()] = s
			continue
		case held.group == "" || s.group != "" && running[s.ref()].group != s.group:
		default:
			s, held = held, s
			chosen[s.ref()] = held
		}
		p.conflicts = append(p.conflicts, conflict{s.ref(), s.group, held.target.Name})
	}
	for ref, s := range chosen {
		if now, runs := running[ref]; !runs || !now.sameAs(s) {
			p.start = append(p.start, s)
		}
	}
	for ref, now := range running {
		if s, ok := chosen[ref]; !ok || !now.sameAs(s) {
			p.stop = append(p.stop, ref)
		}
	}
	slices.SortFunc(p.start, func(a, b spec) int { return compareRefs(a.ref(), b.ref()) })
	slices.SortFunc(p.stop, compareRefs)
	return p
}

func compareRefs(a, b workload.Ref) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion))
}
