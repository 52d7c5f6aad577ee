package loop_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// scraper is a Prometheus whose scrapes are as those of a real one: with jitter,
// visible some time after they began, and now and then lost.
type scraper struct {
	began   time.Time
	every   time.Duration
	jitter  time.Duration // of a scrape's time, at most
	visible time.Duration // from a scrape's time until its sample can be read, on average
	lost    func(n int64) bool
	marked  bool // a lost scrape leaves no data until the next; else the sample before stays
	load    func(at time.Time) float64
	looks   int
	found   map[time.Time]time.Duration // how long after it was visible a sample was first read
}

func newScraper(every time.Duration, load float64) *scraper {
	return &scraper{began: time.Now(), every: every, load: func(time.Time) float64 { return load }, found: map[time.Time]time.Duration{}}
}

// scrape returns when a scrape began, and when its sample can be read.
func (s *scraper) scrape(n int64) (at, visible time.Time) {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	at = s.began.Add(time.Duration(n) * s.every)
	if s.jitter > 0 {
		at = at.Add(time.Duration(r.Int64N(int64(s.jitter))))
	}
	if s.visible > 0 {
		return at, at.Add(s.visible/2 + time.Duration(r.Int64N(int64(s.visible))))
	}
	return at, at
}

func (s *scraper) Read(context.Context) sample.Result {
	s.looks++
	now := time.Now()
	n := int64(now.Sub(s.began) / s.every)
	for ; n >= 0; n-- {
		at, visible := s.scrape(n)
		if visible.After(now) {
			continue
		}
		if s.lost != nil && s.lost(n) {
			if s.marked {
				break
			}
			continue
		}
		if _, seen := s.found[at]; !seen {
			s.found[at] = now.Sub(visible)
		}
		return sample.Result{Outcome: sample.Value, Value: s.load(at), Timestamp: at, Now: now}
	}
	return sample.Result{Outcome: sample.NoData, Now: now}
}

// Whatever the scrape interval, from 1 s to 5 min, with the defaults: a constant
// load beyond a bound is acted on within the delay and two spacings. A spacing
// is that of the samples that are looked for, so an interval at least.
func TestActsAtEveryScrapeInterval(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute} {
		for name, change := range map[string]func(*scraper){
			"regular":   func(*scraper) {},
			"jitter":    func(s *scraper) { s.jitter = min(50*time.Millisecond, s.every/20) },
			"seen late": func(s *scraper) { s.visible = 800 * time.Millisecond },
			"one in ten 5 ms late": func(s *scraper) {
				s.jitter, s.visible = 5*time.Millisecond, 100*time.Millisecond
			},
		} {
			for option, apply := range map[string]func(*Target, time.Duration){
				"scale_up_delay":      func(t *Target, d time.Duration) { t.Policy.ScaleUpDelay = d },
				"scale_down_delay":    func(t *Target, d time.Duration) { t.Policy.ScaleDownDelay = d },
				"scale_down_coverage": func(t *Target, d time.Duration) { t.Policy.ScaleDownCoverage = d },
			} {
				for _, delay := range []time.Duration{0, 30 * time.Second, 5 * time.Minute, 10 * time.Minute} {
					t.Run(fmt.Sprint(every, "/", name, "/", option, "/", delay), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							p := newScraper(every, 60) // within bounds at 2
							change(p)
							w := &fakeWorkload{replicas: 2}
							f := newFixtureFrom(Sources{Triggers: []Reader{p}}, w, func(t *Target) { apply(t, delay) })
							f.run(5*every + time.Duration(rand.Int64N(int64(every))))
							load := 1000.0
							if option != "scale_up_delay" {
								load = 0
							}
							changed := time.Now()
							p.load = func(at time.Time) float64 {
								if at.After(changed) {
									return load
								}
								return 60
							}
							bound := delay + 2*max(every, 10*time.Second) + p.jitter + 2*p.visible + time.Second
							f.run(bound)
							if len(w.sets) == 0 {
								t.Errorf("no step within %s of a load beyond the bound:\n%s", bound, f.log)
							}
						})
					})
				}
			}
		}
	}
}

// From a cold start, when the spacing is not known yet, it takes one spacing
// more to know that nothing was lost.
func TestActsFromAColdStart(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWorkload{replicas: 1}
			f := newFixtureFrom(Sources{Triggers: []Reader{newScraper(every, 1000)}}, w, func(t *Target) { t.Policy.ScaleUpDelay = 30 * time.Second })
			time.Sleep(every / 3)
			bound := 30*time.Second + 3*max(every, 10*time.Second) + time.Second
			f.run(bound)
			if len(w.sets) == 0 {
				t.Errorf("scraped every %s: no step within %s:\n%s", every, bound, f.log)
			}
		})
	}
}

// Scrapes that are lost never lead to a step that no sample asks for, and delay
// those that all ask for by no more than the samples that came warrant.
func TestActsInSpiteOfLostScrapes(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Second, 30 * time.Second, time.Minute} {
		for _, marked := range []bool{false, true} {
			for seed := range uint64(10) {
				synctest.Test(t, func(t *testing.T) {
					p := newScraper(every, 0)
					p.marked = marked
					p.lost = func(n int64) bool { return rand.New(rand.NewPCG(seed, uint64(n))).IntN(100) < 10 }
					w := &fakeWorkload{replicas: 4}
					f := newFixtureFrom(Sources{Triggers: []Reader{p}}, w, func(t *Target) { t.Policy.ScaleDownDelay = 2 * time.Minute })
					f.run(2 * time.Hour)
					if w.replicas != 1 {
						t.Errorf("scraped every %s, marked %v: %d replicas after two hours, want 1", every, marked, w.replicas)
					}
				})
			}
		}
	}
}

// A set max_sample_age is exact: it may be shorter than the samples are apart,
// which makes each usable for a while only, and breaks no delay.
func TestAMaxSampleAgeBelowTheSpacing(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWorkload{replicas: 4}
			f := newFixtureFrom(Sources{Triggers: []Reader{newScraper(every, 0)}}, w, func(t *Target) {
				t.Policy.MaxSampleAge, t.Policy.ScaleDownDelay = 10*time.Second, 5*time.Minute
			})
			f.run(30 * time.Minute)
			if w.replicas != 1 {
				t.Errorf("scraped every %s: %d replicas after half an hour, want 1", every, w.replicas)
			}
		})
	}
}

// The learned spacing is exported, and so is an age that grows in an outage.
func TestSpacingIsExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newScraper(30*time.Second, 60)
		f := newFixtureFrom(Sources{Triggers: []Reader{p}}, &fakeWorkload{replicas: 2})
		f.run(3 * time.Minute)
		if got := f.gather(t, "sample_interval_seconds"); got == nil || *got != 30 {
			t.Errorf("got a spacing of %v, want 30", got)
		}
		lost := time.Now()
		p.lost, p.marked = func(n int64) bool { return p.began.Add(time.Duration(n) * p.every).After(lost.Add(-30 * time.Second)) }, true
		f.run(5 * time.Minute)
		if got := f.gather(t, "sample_age_seconds"); got == nil || *got < 300 || *got > 340 {
			t.Errorf("got an age of %v after an outage of 300 s", got)
		}
	})
}

// A new sample is read within 50 ms (median) of when it can be, with at most 2.5
// looks for each sample that is decided on.
func TestLooksJustAfterASampleIsDue(t *testing.T) {
	for _, c := range []struct {
		every, interval, jitter, visible time.Duration
	}{
		{time.Second, time.Second, 2 * time.Millisecond, 10 * time.Millisecond},
		{10 * time.Second, 10 * time.Second, 2 * time.Millisecond, 10 * time.Millisecond},
		{10 * time.Second, 10 * time.Second, 2 * time.Millisecond, 100 * time.Millisecond},
		{10 * time.Second, 10 * time.Second, 20 * time.Millisecond, 500 * time.Millisecond},
		{time.Second, 10 * time.Second, 2 * time.Millisecond, 10 * time.Millisecond},
		{30 * time.Second, 10 * time.Second, 2 * time.Millisecond, 50 * time.Millisecond},
		{time.Minute, 10 * time.Second, 2 * time.Millisecond, 50 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("scraped every %s, decided every %s, visible after %s", c.every, c.interval, c.visible), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newScraper(c.every, 60)
				p.jitter, p.visible = c.jitter, c.visible
				f := newFixtureFrom(Sources{Triggers: []Reader{p}}, &fakeWorkload{replicas: 2}, func(t *Target) { t.Interval = c.interval })
				f.run(20 * c.every)
				p.looks, p.found = 0, map[time.Time]time.Duration{}
				decided := 100
				f.run(time.Duration(decided) * max(c.every, c.interval))
				var late []time.Duration
				for _, l := range p.found {
					late = append(late, l)
				}
				slices.Sort(late)
				bound := 50*time.Millisecond + c.visible/2 // half of its own spread cannot be known
				if c.every < c.interval {
					bound = c.every // any of the samples from the due time on will do
				}
				median := late[len(late)/2]
				// Without a new sample there is one look an interval, for Prometheus's health.
				perSample := float64(p.looks)/float64(decided) - max(0, float64(c.every/c.interval)-1)
				t.Logf("median %s, %.2f looks a sample", median, perSample)
				if median > bound {
					t.Errorf("read %s after it could be (median), want at most %s", median, bound)
				}
				if perSample > 2.5 {
					t.Errorf("%.2f looks a sample, want at most 2.5", perSample)
				}
			})
		})
	}
}

// instant is a query whose samples' age is unknown: each answer is of the moment.
type instant struct{ looks int }

func (i *instant) Read(context.Context) sample.Result {
	i.looks++
	return sample.Result{Outcome: sample.Value, Value: 1000, Timestamp: time.Now(), Ageless: true, Now: time.Now().Add(50 * time.Microsecond)}
}

// Without an age, every look would find a new sample: there is one an interval.
func TestSamplesOfUnknownAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := &instant{}, &fakeWorkload{replicas: 1}
		f := newFixtureFrom(Sources{Triggers: []Reader{p}}, w, func(t *Target) { t.Policy.Limits.Max = 9 })
		f.run(5 * time.Minute)
		if w.replicas != 9 || p.looks > 2*31 {
			t.Errorf("%d replicas after %d looks", w.replicas, p.looks)
		}
		for i := 1; i < len(w.sets); i++ {
			if gap := w.sets[i].Sub(w.sets[i-1]); gap < 9*time.Second || gap > 12*time.Second {
				t.Errorf("%s between two steps", gap)
			}
		}
		if got := f.gather(t, "sample_interval_seconds"); got != nil {
			t.Errorf("a spacing of %v was learned from nothing", *got)
		}
	})
}

// Steps are an interval apart, however slow a cycle is: what was scraped before
// the end of a write does not show its effect.
func TestStepsAreAnIntervalApart(t *testing.T) {
	for _, c := range []struct{ scrape, reads, writes time.Duration }{
		{time.Second, 0, 0},
		{10 * time.Second, 0, 0},
		{10 * time.Second, 4900 * time.Millisecond, 4900 * time.Millisecond},
		{time.Second, 4900 * time.Millisecond, 4900 * time.Millisecond},
		{3 * time.Second, 100 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(fmt.Sprintf("scraped every %s, reads of %s, writes of %s", c.scrape, c.reads, c.writes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWorkload{replicas: 1, getTakes: c.reads, takes: c.writes}
				p := newScraper(c.scrape, 1e6)
				newFixtureFrom(Sources{Triggers: []Reader{p}}, w, func(t *Target) { t.Policy.Limits.Max = 50 }).run(10 * time.Minute)
				if len(w.sets) < 20 {
					t.Fatalf("%d steps in ten minutes", len(w.sets))
				}
				for i := 1; i < len(w.sets); i++ {
					if gap := w.sets[i].Sub(w.sets[i-1]); gap < 9*time.Second {
						t.Errorf("steps %d and %d are %s apart", i-1, i, gap)
					}
				}
			})
		})
	}
}
