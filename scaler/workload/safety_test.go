package workload

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// Whatever happens to the watch, and however it lags, what a write was decided
// on is what the API server had when it took the write, and what Get returns is
// true of the version that it names.
func TestNoWriteOnWhatIsNotTrue(t *testing.T) {
	for name, ref := range map[string]Ref{"Deployment": web, "custom resource": {"example.com/v1", "Engine", "bpm", "web"}} {
		for count, others := range map[string]int{"alone": 0, "with others": 4} {
			t.Run(name+" "+count, func(t *testing.T) {
				s := newServer()
				s.Set(func(s *fake.Server) { s.Past = map[int]fake.Object{} })
				var refs []Ref
				for _, other := range names(s, "bpm", others) {
					other.APIVersion, other.Kind = ref.APIVersion, ref.Kind
					refs = append(refs, other)
				}
				simulate(t, s, func(t *testing.T, f *fixture) {
					f.Watch(append(refs, ref))
					p := &prober{t: t, s: s, w: f.Workload(ref), random: rand.New(rand.NewPCG(1, uint64(others)))}
					s.Change("bpm", "web", func(*fake.Object) {})
					for range 2000 {
						p.upset()
						p.probe()
					}
					if p.wrote < 500 || p.conflicts < 20 || p.unread < 50 {
						t.Errorf("%d writes, %d conflicts and %d failed reads show little", p.wrote, p.conflicts, p.unread)
					}
					t.Logf("%d writes, %d conflicts, %d other failed writes, %d failed reads, %d reads without a request", p.wrote, p.conflicts, p.failed, p.unread, p.free)
				})
			})
		}
	}
}

type prober struct {
	t *testing.T
	s *fake.Server
	w *Workload

	mu     sync.Mutex
	random *rand.Rand

	wrote, conflicts, failed, unread, free int
}

func (p *prober) intN(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(n)
}

// another is a writer that is not the scaler.
func (p *prober) another() {
	p.s.Change("bpm", "web", func(o *fake.Object) {
		switch p.intN(3) {
		case 0:
			o.Replicas = 1 + int32(p.intN(9))
		case 1:
			o.Paused = []string{"", "true", "false"}[p.intN(3)]
		case 2:
			o.Ready = int32(p.intN(9))
		}
	})
}

func (p *prober) upset() {
	switch p.intN(40) {
	case 0:
		p.s.Lag(true)
	case 1, 2:
		p.s.Lag(false)
	case 3:
		p.s.Break()
	case 4:
		p.s.Forget()
	case 5:
		p.s.Fail(fake.Away, "list", "watch", "get", "patch")
	case 6:
		p.s.Fail(fake.Forbidden, "watch")
	case 7:
		p.s.Fail(fake.Forbidden, "list")
	case 8:
		p.s.Fail(&fake.Failure{Lost: true}, "patch")
	case 9: // changes while requests are made
		p.s.Hook(func(_ context.Context, r fake.Request) *fake.Failure {
			if r.Name == "web" && p.intN(3) == 0 {
				p.another()
			}
			return nil
		})
	case 10:
		p.s.Delete("bpm", "web")
		p.s.Create(fake.Object{Namespace: "bpm", Name: "web", UID: strconv.Itoa(p.intN(1e9)), Replicas: 1})
	case 11:
		time.Sleep(time.Duration(p.intN(int(20 * time.Minute))))
	case 12, 13, 14, 15:
		p.s.Hook(nil)
	case 16, 17, 18:
		p.another()
	default:
		time.Sleep(time.Duration(p.intN(int(10 * time.Second))))
	}
}

// probe is what a loop does: it reads, and writes what it has decided on that.
func (p *prober) probe() {
	scale, err := p.w.Get(p.t.Context())
	if err != nil {
		p.unread++
		return
	}
	if !scale.Asked {
		p.free++
		p.compare(scale, "read")
	}
	if scale.Pause.Any() {
		return
	}
	to := 1 + int32(p.intN(9))
	switch err := set(p.t, p.w, scale, to); {
	case err == nil:
		p.wrote++
		p.compare(scale, "written on")
		if now := p.s.Get("bpm", "web"); p.w.read.Replicas != to && now.Replicas == to {
			p.t.Errorf("the answer to a write of %d is %+v", to, p.w.read)
		}
	case CauseOf(err) == CauseConflict:
		p.conflicts++
	default:
		p.failed++
	}
}

// compare holds a scale to the version that it names.
func (p *prober) compare(scale Scale, what string) {
	version, _ := strconv.Atoi(scale.ResourceVersion)
	was, exists := p.s.Past[version]
	blind := scale.Ready == nil && scale.Generation == 0 && scale.Writer == Writer{} && p.w.APIVersion == "apps/v1"
	switch {
	case !exists, was.Replicas != scale.Replicas, was.UID != scale.UID:
	case blind, p.w.APIVersion != "apps/v1" && scale.Ready == nil: // then a pause is not seen
		return
	case (was.Paused == "true") != scale.Pause.Any() || was.Ready != *scale.Ready:
	default:
		return
	}
	p.t.Fatalf("%s %+v, and version %d was %+v", what, scale, version, was)
}
