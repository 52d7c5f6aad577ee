package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// soakScaler is one of two processes.
type soakScaler struct {
	metrics *metrics.Metrics
	fleet   *Fleet
	down    bool // its way to the Lease
	stop    context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	leads  time.Time
	terms  int
	before float64 // decisions of processes before this one
}

func (n *soakScaler) started() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leads
}

// soak is the whole of it.
type soak struct {
	t       *testing.T
	random  *rand.Rand
	plants  []*plant
	prom    soakPrometheus
	server  *fake.Server
	named   atomic.Bool // the rights to list and watch are on names
	store   *soakStore
	scalers [2]*soakScaler
	config  config.Config
	starts  int
	did     map[string]int
}

// soakConfig has a target for each plant, with one or another option. Some are
// paused.
func (s *soak) soakConfig() config.Config {
	var b strings.Builder
	b.WriteString("targets:\n")
	for _, p := range s.plants {
		fmt.Fprintf(&b, "- {name: %s, workload: {name: %s}, query: %s, paused: %v, rule: {max_replicas: %d, min_replicas: %d}, scale_up_delay: %s, scale_down_delay: %s, hold_after_start: %s, wait_for_ready: %v}\n",
			p.name, p.name, p.name, p.held, p.most, max(p.floor, 1), p.up, p.down, p.afterward, p.waits)
	}
	c, err := config.Parse("soak.yml", []byte(b.String()))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *soak) start(i int) {
	s.starts++
	old := s.scalers[i]
	n := &soakScaler{metrics: metrics.New(), ended: make(chan struct{})}
	if old != nil {
		n.before = old.decisions(s.t)
	}
	elector := lease.New(fmt.Sprint("scaler-", s.starts), soakLink{s.store, &n.down}, lease.DefaultTiming(), lease.Events{})
	cluster := s.connect()
	n.fleet = New(Options{
		Connect: func(config.Prometheus) (v1.API, error) { return s.prom, nil },
		Workloads: func(ref workload.Ref) loop.Scaler {
			return hand{cluster.Workload(ref), s.prom.plants[ref.Name], n, elector.Bound}
		},
		Watch:   cluster.Watch,
		Metrics: n.metrics,
		Logger:  log.NewNopLogger(),
	})
	if err := n.fleet.Apply(s.config); err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.t.Context())
	n.stop = stop
	go func() {
		defer close(n.ended)
		elector.Run(ctx, func(ctx context.Context) {
			n.mu.Lock()
			n.leads = time.Now()
			n.terms++
			n.mu.Unlock()
			n.fleet.Run(ctx)
		})
	}()
	s.scalers[i] = n
}

// decisions is how many this process and those before it have made.
func (n *soakScaler) decisions(t *testing.T) float64 {
	registry := prometheus.NewRegistry()
	registry.MustRegister(n.metrics)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := n.before
	for _, f := range families {
		if f.GetName() == "camunda_scaler_decisions_total" {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// upset does something to one plant.
func (s *soak) upset(p *plant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := ""
	switch s.random.IntN(20) {
	case 0, 1, 2, 3, 4:
		what = "load"
		p.loads = append(p.loads[max(0, len(p.loads)-20):], loadLevel{time.Now(), float64(s.random.IntN(250))})
	case 5, 6:
		what, p.query, p.since = "fault of the query", fault(1+s.random.IntN(int(slow))), time.Now()
	case 7, 8, 9:
		what, p.query = "end of a fault", fine
	case 10:
		what, p.api = "fault of the API server", []fault{lost, refuse}[s.random.IntN(2)]
	case 11, 12:
		what, p.api, p.takes = "end of the API server's fault", fine, 0
	case 13:
		what, p.takes = "slow API server", time.Duration(s.random.Int64N(int64(6*time.Second)))
	case 14:
		what = "hand change"
		p.scale(func(int32) int32 { return int32(s.random.IntN(7)) }, "kubectl", "")
	case 15:
		what = "recreation"
		was := p.server.Get(soakNamespace, p.name)
		p.server.Delete(soakNamespace, p.name)
		p.server.Create(fake.Object{Namespace: soakNamespace, Name: p.name, UID: was.UID + "'", Replicas: 1, Ready: was.Ready, Paused: was.Paused, Manager: "helm"})
	case 16:
		what = "pause"
		p.change(func(o *fake.Object) {
			pause := o.Paused == "" && s.random.IntN(3) == 0 // most of the time it is not
			if o.Paused = ""; pause {
				o.Paused = "true"
			}
		})
	case 17:
		what = "HPA"
		if p.server.HPA(soakNamespace, p.name) == "" && s.random.IntN(3) == 0 {
			p.server.SetHPA(soakNamespace, p.name, "hpa")
			p.scale(func(now int32) int32 { return now%3 + 1 }, "kube-controller-manager", "scale")
		} else {
			p.server.SetHPA(soakNamespace, p.name, "")
		}
	case 18, 19:
		what = "ready"
		p.change(func(o *fake.Object) { o.Ready = o.Replicas - int32(s.random.IntN(2)) })
	}
	s.did[what]++
}

// reload changes what some targets may do, in both processes.
func (s *soak) reload() {
	s.did["reload"]++
	pause := map[*plant]bool{}
	for _, p := range s.plants {
		p.mu.Lock()
		p.held = false
		pause[p] = s.random.IntN(10) == 0
		p.most = 4 + int32(s.random.IntN(2))
		p.mu.Unlock()
	}
	// A pause counts once it is in force, and so does a lower maximum.
	text := s.soakConfigWith(pause)
	for _, p := range s.plants {
		p.mu.Lock()
		p.most = max(p.most, 5)
		p.mu.Unlock()
	}
	s.config = text
	for _, n := range s.scalers {
		if err := n.fleet.Apply(s.config); err != nil {
			s.t.Fatal(err)
		}
	}
	for i, p := range s.plants {
		p.mu.Lock()
		p.held, p.most = pause[p], s.config.Targets[i].Policy.Limits.Max
		p.mu.Unlock()
	}
}

func (s *soak) soakConfigWith(pause map[*plant]bool) config.Config {
	c := s.soakConfig()
	for i, p := range s.plants {
		c.Targets[i].Pause = workload.Pause{Up: pause[p], Down: pause[p]}
	}
	return c
}

// watch does something to the watches.
func (s *soak) watch() {
	what := ""
	switch s.random.IntN(6) {
	case 0:
		what = "watches lag"
		s.server.Lag(true)
	case 1, 2:
		what = "watches catch up"
		s.server.Lag(false)
	case 3:
		what = "watches break off"
		s.server.Break()
	case 4:
		what = "versions forgotten"
		s.server.Forget()
	case 5:
		what = "rights on names or all"
		s.named.Store(!s.named.Load())
		s.server.Break()
	}
	s.did[what]++
}

// lead lets leadership change hands.
func (s *soak) lead() {
	i := s.random.IntN(2)
	n := s.scalers[i]
	cut := func(down bool) {
		s.store.mu.Lock()
		n.down = down
		s.store.mu.Unlock()
	}
	switch s.random.IntN(5) {
	case 0:
		s.did["stop"]++
		n.stop()
		<-n.ended
		s.start(i)
	case 1:
		s.did["kill"]++
		cut(true)
		n.stop()
		<-n.ended
		s.start(i)
	case 2:
		s.did["partition"]++
		cut(true)
		time.Sleep(time.Duration(s.random.Int64N(int64(40 * time.Second))))
		cut(false)
	case 3:
		s.did["Lease deleted"]++
		s.store.replace(lease.Record{})
	case 4:
		s.did["Lease overwritten"]++
		s.store.replace(lease.Record{Version: "overwritten"})
	}
}

// TestSoak runs two scalers for many hours of simulated time with all that can
// go wrong going wrong at random, until they have made soakDecisions. Whatever
// happens, each attempt to write has to be right: plant.check says what that
// is.
func TestSoak(t *testing.T) {
	goal := float64(soakDecisions)
	if text := os.Getenv("SOAK_DECISIONS"); text != "" {
		var err error
		if goal, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatalf("SOAK_DECISIONS: %v", err)
		}
	}
	if testing.Short() {
		goal = min(goal, 50_000)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &soak{t: t, random: rand.New(rand.NewPCG(5, 5)), store: &soakStore{}, did: map[string]int{}, prom: soakPrometheus{plants: map[string]*plant{}}}
		s.server = s.soakServer()
		for i := range 200 {
			p := &plant{
				t: t, traits: traits{name: fmt.Sprint("p", i), scrape: []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}[i%4]},
				began:  time.Now().Add(time.Duration(s.random.Int64N(int64(10 * time.Second)))).Add(-time.Hour),
				server: s.server, most: 4, loads: []loadLevel{{time.Now(), 30}}, steps: map[string]int{},
			}
			if i%5 == 1 {
				p.floor = 3
			}
			if i%7 == 2 {
				p.up, p.down = 30*time.Second, 2*time.Minute
			}
			if i%11 == 3 {
				p.afterward = time.Minute
			}
			p.waits = i%13 == 4
			s.plants = append(s.plants, p)
			s.prom.plants[p.name] = p
			s.server.Create(fake.Object{Namespace: soakNamespace, Name: p.name, UID: "u", Replicas: 1, Ready: 1})
		}
		s.config = s.soakConfig()
		began := time.Now()
		s.start(0)
		s.start(1)
		for made := 0.0; made < goal && !t.Failed(); {
			for range 60 {
				time.Sleep(time.Duration(s.random.Int64N(int64(4 * time.Second))))
				for range 8 {
					s.upset(s.plants[s.random.IntN(len(s.plants))])
				}
				if s.random.IntN(15) == 0 {
					s.watch()
				}
			}
			switch s.random.IntN(4) {
			case 0:
				s.reload()
			case 1, 2:
				s.lead()
			}
			made = s.scalers[0].decisions(t) + s.scalers[1].decisions(t)
		}
		var made float64
		for _, n := range s.scalers {
			made += n.decisions(t)
			n.stop()
			<-n.ended
		}
		steps, writes := map[string]int{}, 0
		for _, p := range s.plants {
			writes += p.writes
			for what, n := range p.steps {
				steps[what] += n
			}
		}
		if steps["up"] == 0 || steps["down"] == 0 || steps["floor"] == 0 {
			t.Errorf("too little happened: %v", steps)
		}
		t.Logf("%.0f decisions in %s of simulated time: %d writes (%v), %d processes; %v", made, time.Since(began).Round(time.Minute), writes, steps, s.starts, s.did)
	})
}
