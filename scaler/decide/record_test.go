package decide

import (
	"reflect"
	"testing"
	"time"
)

// recorder keeps what it visits, or gives it back.
type recorder struct {
	back   bool
	fields []any
}

func visit[T any](r *recorder, field *T) {
	if !r.back {
		r.fields = append(r.fields, *field)
		return
	}
	*field, r.fields = r.fields[0].(T), r.fields[1:]
}

func (r *recorder) Time(t *time.Time) { visit(r, t) }
func (r *recorder) Text(s *string)    { visit(r, s) }
func (r *recorder) Count(n *int)      { visit(r, n) }

// A state that was kept elsewhere is the same when it is read back: none of its
// fields is left out, those that are added later included.
func TestStateCanBeKept(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	st := State{
		Start: at(1), Since: at(2), steppedUp: at(3), last: at(4), broken: at(5), covered: at(6), asked: at(7), asks: Up,
		triggers: []past{{"a", at(8), at(9)}, {"b", at(10), at(11)}},
	}
	for i := range reflect.TypeFor[State]().NumField() {
		if reflect.ValueOf(st).Field(i).IsZero() {
			t.Errorf("this test has to set the field %s", reflect.TypeFor[State]().Field(i).Name)
		}
	}
	if n := reflect.TypeFor[past]().NumField(); n != 3 {
		t.Errorf("this test has to set the %d fields of past", n)
	}
	var r recorder
	st.Visit(&r)
	r.back = true
	var back State
	back.Visit(&r)
	if !reflect.DeepEqual(back, st) || len(r.fields) > 0 {
		t.Errorf("got %+v, want %+v", back, st)
	}
}
