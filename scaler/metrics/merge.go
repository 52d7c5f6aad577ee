package metrics

import "strings"

// merge makes one series of those of many members of a group.
type merge map[mergeKey]*merged

type mergeKey struct {
	of     *family
	labels string // joined
}

type merged struct {
	labels []string
	v      float64
}

func (m merge) add(f *family, v float64, target string, labels []string) {
	all := append([]string{target}, labels...)
	key := mergeKey{f, strings.Join(all, "\xff")}
	if known, ok := m[key]; ok {
		known.v = f.merge(known.v, v)
		return
	}
	m[key] = &merged{all, v}
}

func (m merge) collect(s *scrape) {
	for key, one := range m {
		if key.of.optional && one.v == 0 {
			continue
		}
		s.add(key.of, one.v, one.labels[0], one.labels[1:]...)
	}
}
