package packing

import (
	"strings"
	"testing"
)

// What the chart plans is what the real scheduler does, and takes fewer nodes
// than the preferred affinity alone.
func TestPlanIsFollowed(t *testing.T) {
	m, err := NewMeasure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	table, err := m.Compare(t.Context(), 3, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	table.Markdown(&text)
	t.Logf("\n%s", text.String())
	alone, greedy, planned := table.Rows[0].Nodes, table.Rows[1].Nodes, table.Rows[len(table.Rows)-1].Nodes
	if planned > greedy || greedy >= alone {
		t.Errorf("planned %d, greedy %d, alone %d: want ever more", planned, greedy, alone)
	}
	if planned != table.Plan || planned < table.Optimum {
		t.Errorf("%d nodes; want the %d of the plans, and the optimum is %d", planned, table.Plan, table.Optimum)
	}
}
