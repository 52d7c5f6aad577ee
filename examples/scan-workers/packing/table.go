package packing

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
)

// Table is a measurement of groups.
type Table struct {
	Groups  int
	Optimum int // nodes of all groups together
	Plan    int // the same, of the plans that the chart should make
	Rows    []Row
}

// Row is one way's.
type Row struct {
	Way     Way
	Nodes   int // of all groups together
	Optimal int // groups that took no more nodes than the optimum
	Worst   int // nodes more than the optimum, of the worst group
}

// Compare measures a number of random groups in each way.
func (m *Measure) Compare(ctx context.Context, groups int, progress io.Writer) (Table, error) {
	random := rand.New(rand.NewPCG(1, 0)) //nolint:gosec // the same groups each time
	t := Table{Groups: groups}
	for _, way := range Ways() {
		t.Rows = append(t.Rows, Row{Way: way})
	}
	for g := range groups {
		jobs := Group(random)
		best, err := Optimum(jobs)
		if err != nil {
			return t, err
		}
		t.Optimum += best
		t.Plan += Plan(jobs)
		for i := range t.Rows {
			row := &t.Rows[i]
			n, err := m.Nodes(ctx, jobs, row.Way)
			if err != nil {
				return t, fmt.Errorf("group %d, %s: %w", g+1, row.Way.Name, err)
			}
			row.Nodes += n
			if n == best {
				row.Optimal++
			}
			row.Worst = max(row.Worst, n-best)
		}
		fmt.Fprintf(progress, "group %d of %d\n", g+1, groups)
	}
	return t, nil
}

// Markdown writes the table as it is in README.md.
func (t Table) Markdown(w io.Writer) {
	fmt.Fprintf(w, "| %d groups | nodes | more than the optimum | groups at the optimum | the worst group |\n| --- | ---: | ---: | ---: | ---: |\n", t.Groups)
	fmt.Fprintf(w, "| optimum | %d | | %d | |\n", t.Optimum, t.Groups)
	for _, r := range t.Rows {
		fmt.Fprintf(w, "| %s | %d | %.1f %% | %d | +%d |\n", r.Way.Name, r.Nodes, 100*float64(r.Nodes-t.Optimum)/float64(t.Optimum), r.Optimal, r.Worst)
	}
}
