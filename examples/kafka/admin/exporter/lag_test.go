package exporter

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// While a group has members, kadm takes the start of a partition for an offset that
// was never committed; that is no lag.
func TestUncommitted(t *testing.T) {
	at := func(offset int64) kadm.GroupMemberLag {
		return kadm.GroupMemberLag{Commit: kadm.Offset{At: offset}, Lag: 0}
	}
	if uncommitted(map[int32]kadm.GroupMemberLag{0: at(0), 1: at(7)}) || !uncommitted(map[int32]kadm.GroupMemberLag{0: at(7), 1: at(-1)}) {
		t.Error("wrong")
	}
}
