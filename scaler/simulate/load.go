// Package simulate makes up a load from a description: constants, steps, ramps,
// day curves, noise and spikes, which add up. It is pure; the same description
// gives the same load.
package simulate

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// Load is the description of one trigger's load: its parts add up, and the sum
// is never below 0.
type Load []Part

// Part is one of the kinds: exactly one is set.
type Part struct {
	Constant *float64 `yaml:"constant"`
	Step     *Step    `yaml:"step"`
	Ramp     *Ramp    `yaml:"ramp"`
	Day      *Day     `yaml:"day"`
	Noise    *Noise   `yaml:"noise"`
	Spike    *Spike   `yaml:"spike"`
	Gap      *Gap     `yaml:"gap"`
}

// Step adds a value from one time on. Times count from the start.
type Step struct {
	At model.Duration `yaml:"at"`
	By float64        `yaml:"by"`
}

// Ramp adds more and more from one time to another, and stays there.
type Ramp struct {
	From model.Duration `yaml:"from"`
	To   model.Duration `yaml:"to"`
	By   float64        `yaml:"by"`
}

// Day is a wave with one low and one peak a day.
type Day struct {
	Low  float64 `yaml:"low"`
	High float64 `yaml:"high"`
	Peak string  `yaml:"peak"` // HH:MM, of UTC; 14:00 if it is left out
}

// Noise is normally distributed, and different for each sample.
type Noise struct {
	Deviation float64 `yaml:"deviation"` // the standard deviation
}

// Spike adds a value for a while, once or again and again.
type Spike struct {
	At    model.Duration `yaml:"at"`
	For   model.Duration `yaml:"for"`
	By    float64        `yaml:"by"`
	Every model.Duration `yaml:"every"` // 0 for once
}

// Gap is a time without samples.
type Gap struct {
	At  model.Duration `yaml:"at"`
	For model.Duration `yaml:"for"`
}

// Parse reads the description of a load: a list of parts in YAML.
func Parse(text []byte) (Load, error) {
	var l Load
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("not a list of parts such as [{constant: 40}, {noise: {deviation: 5}}]: %w", err)
	}
	if len(l) == 0 {
		return nil, errors.New("no load: want a list of parts, for example [{day: {low: 0, high: 150}}, {noise: {deviation: 10}}]")
	}
	for i, p := range l {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	return l, nil
}

func (p Part) check() error {
	kinds := 0
	for _, set := range []bool{p.Constant != nil, p.Step != nil, p.Ramp != nil, p.Day != nil, p.Noise != nil, p.Spike != nil, p.Gap != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("want exactly one of constant, step, ramp, day, noise, spike and gap")
	case p.Ramp != nil && p.Ramp.To <= p.Ramp.From:
		return errors.New("ramp: to is not after from")
	case p.Spike != nil && p.Spike.For <= 0:
		return errors.New("spike: for is missing: want how long it lasts")
	case p.Spike != nil && p.Spike.Every > 0 && p.Spike.Every <= p.Spike.For:
		return errors.New("spike: every is not longer than for")
	case p.Gap != nil && p.Gap.For <= 0:
		return errors.New("gap: for is missing: want how long it lasts")
	case p.Noise != nil && p.Noise.Deviation <= 0:
		return errors.New("noise: deviation is not above 0")
	case p.Day != nil:
		if _, err := p.Day.peak(); err != nil {
			return err
		}
		if p.Day.High <= p.Day.Low {
			return errors.New("day: high is not above low")
		}
	}
	return nil
}

func (d Day) peak() (time.Duration, error) {
	if d.Peak == "" {
		return 14 * time.Hour, nil
	}
	t, err := time.Parse("15:04", d.Peak)
	if err != nil {
		return 0, fmt.Errorf("day: peak %q: want HH:MM", d.Peak)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// at returns the value at a time, and whether there is a sample.
func (l Load) at(start, now time.Time, random *rand.Rand) (v float64, ok bool) {
	since := now.Sub(start)
	ok = true
	for _, p := range l {
		switch {
		case p.Constant != nil:
			v += *p.Constant
		case p.Step != nil:
			if since >= time.Duration(p.Step.At) {
				v += p.Step.By
			}
		case p.Ramp != nil:
			from, to := time.Duration(p.Ramp.From), time.Duration(p.Ramp.To)
			v += p.Ramp.By * max(0, min(1, float64(since-from)/float64(to-from)))
		case p.Day != nil:
			peak, _ := p.Day.peak()
			phase := float64(now.UTC().Sub(now.UTC().Truncate(24*time.Hour))-peak) / float64(24*time.Hour)
			v += p.Day.Low + (p.Day.High-p.Day.Low)*(1+math.Cos(2*math.Pi*phase))/2
		case p.Noise != nil:
			v += random.NormFloat64() * p.Noise.Deviation
		case p.Spike != nil:
			in := since - time.Duration(p.Spike.At)
			if every := time.Duration(p.Spike.Every); every > 0 && in >= 0 {
				in %= every
			}
			if in >= 0 && in < time.Duration(p.Spike.For) {
				v += p.Spike.By
			}
		case p.Gap != nil:
			in := since - time.Duration(p.Gap.At)
			ok = ok && (in < 0 || in >= time.Duration(p.Gap.For))
		}
	}
	return max(0, v), ok
}

// Stream is a recording of made-up loads, one for each trigger.
type Stream struct {
	Loads   []Load
	From    time.Time
	To      time.Time
	Spacing time.Duration // between two samples
	Seed    uint64
}

// Each implements replay.Stream.
func (s Stream) Each(yield func([]replay.Observation) error) error {
	random := make([]*rand.Rand, len(s.Loads))
	for i := range random {
		h := fnv.New64()
		fmt.Fprint(h, i)
		random[i] = rand.New(rand.NewPCG(s.Seed, h.Sum64()))
	}
	missing := make([]bool, len(s.Loads))
	batch := make([]replay.Observation, 0, 1024)
	for at := s.From; at.Before(s.To); at = at.Add(s.Spacing) {
		for i, l := range s.Loads {
			v, ok := l.at(s.From, at, random[i])
			o := replay.Observation{Track: i, Seen: at.UnixNano(), At: at.UnixNano(), Value: v}
			if !ok {
				o = replay.Observation{Track: i, Seen: at.UnixNano(), Kind: replay.Nothing}
			}
			if missing[i] && !ok {
				continue
			}
			missing[i] = !ok
			batch = append(batch, o)
		}
		if len(batch) >= cap(batch)-len(s.Loads) {
			if err := yield(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return yield(batch)
}
