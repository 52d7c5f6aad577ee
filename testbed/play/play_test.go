package play

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParts(t *testing.T) {
	takes := func(d time.Duration) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return nil }
	}
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		if err := Parts(t.Context(), &out, []Part{{"first", "it works", takes(2 * time.Second)}, {"second", "it goes on", takes(3 * time.Second)}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		const want = `
== first
   it works

== second
   it goes on

== Summary
   first                          2 s  ok
   second                         3 s  ok
   All of it took 5 s.
`
		if out.String() != want {
			t.Errorf("got\n%s", out.String())
		}
	})
	var out strings.Builder
	fails := func(context.Context) error { return errors.New("it does not") }
	never := func(context.Context) error { t.Error("played after a failure"); return nil }
	err := Parts(t.Context(), &out, []Part{{"first", "it works", takes(0)}, {"second", "it works", fails}, {"third", "", never}}, time.Now())
	if err == nil || err.Error() != "second: it does not" || !strings.Contains(out.String(), "first                          0 s  ok") || strings.Contains(out.String(), "Summary") {
		t.Errorf("got %v and\n%s", err, out.String())
	}
}
