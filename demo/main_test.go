package main

import (
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

func TestFlags(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil || !reflect.DeepEqual(o, options{phases: story.Default(), timeout: 3 * time.Minute}) {
		t.Errorf("got %+v, %v", o, err)
	}
	o, err = parse([]string{"--once", "--phases=80:2", "--settle-timeout=1m", "--keep-logs"}, io.Discard)
	want := options{phases: []story.Phase{{Starts: 80, Replicas: 2}}, timeout: time.Minute, once: true, keepLogs: true}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, %v", o, err)
	}
	for _, bad := range []string{"--phases=80", "--settle-timeout=soon", "--twice"} {
		if _, err := parse([]string{bad}, io.Discard); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestOnlySettledPhasesAreASuccess(t *testing.T) {
	ok, not := &story.Progress{Settled: time.Second}, &story.Progress{}
	if !settled([]*story.Progress{ok, ok}) || settled([]*story.Progress{ok, not}) {
		t.Error("want success if all phases settled, and only then")
	}
}
