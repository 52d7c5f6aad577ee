package query

import (
	"cmp"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/validation"
)

// MaxMembers bounds how many workloads one query may name. A query that by
// mistake groups by something else than workloads gets an error.
const MaxMembers = 10_000

// Key names a workload in the answer.
type Key struct{ Namespace, Name string }

// String returns namespace/name.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Labels say which workload a series is of.
type Labels struct {
	Namespace      string // of all workloads; "" if a label has it
	NamespaceLabel string // unless Namespace is set
	NameLabel      string
}

// key returns the workload that a series names.
func (l Labels) key(m model.Metric) Key {
	k := Key{Namespace: l.Namespace, Name: string(m[model.LabelName(l.NameLabel)])}
	if k.Namespace == "" {
		k.Namespace = string(m[model.LabelName(l.NamespaceLabel)])
	}
	return k
}

// Compare orders keys by namespace and name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name))
}

// valid reports whether a workload can have that name. What cannot must not
// get into the path of a request.
func (k Key) valid() bool {
	return len(validation.IsDNS1123Label(k.Namespace)) == 0 && len(validation.IsDNS1123Subdomain(k.Name)) == 0
}

// Members are the workloads that an answer names.
type Members struct {
	Keys     []Key // sorted, each once; shared, so not to be changed
	Unnamed  int   // series without the labels, or whose labels cannot be a workload's
	Repeated int   // workloads that more than one series names; none of these is taken
}
