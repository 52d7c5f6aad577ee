package engine

import (
	"net"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// TestTakenPortIsRecognised is what Start's second try with another port rests on.
func TestTakenPortIsRecognised(t *testing.T) {
	taken, err := net.Listen("tcp", ports.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, d := range []Distribution{Camunda724, Operaton, Tomcat714} {
		t.Run(d.String(), func(t *testing.T) {
			ctx := startContext(t)
			folder, err := build.Folder(ctx, d.part())
			if err != nil {
				t.Fatal(err)
			}
			e := &Engine{
				URL: "http://" + taken.Addr().String(), spec: Spec{Distribution: d}.withDefaults(),
				dir: t.TempDir(), folder: folder, port: taken.Addr().(*net.TCPAddr).Port,
			}
			if err := e.Start(ctx); !process.AddressInUse(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEngineThatCannotStartSaysWhy(t *testing.T) {
	ctx := startContext(t)
	_, err := Start(ctx, t.TempDir(), Spec{Database: Database{URL: "jdbc:postgresql://127.0.0.1:1/none", User: "u", Password: "p"}})
	if err == nil || !strings.Contains(err.Error(), "Connection to 127.0.0.1:1 refused") {
		t.Errorf("got %v, want the reason from the engine's log", err)
	}
}
