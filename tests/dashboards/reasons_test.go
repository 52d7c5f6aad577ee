package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Each reason has words and a color of its own, the same wherever it is shown.
func TestReasonsHaveOneAppearance(t *testing.T) {
	appearance := map[string]string{} // by reason
	taken := map[string]string{}      // the reason that has a color
	for _, name := range []string{"autoscaling.json", "scaler.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		check(t, err)
		var board any
		check(t, json.Unmarshal(text, &board))
		shown := appearances(board)
		if len(shown) < 2 {
			t.Fatalf("%s shows reasons in %d places: the test covers too little", name, len(shown))
		}
		for _, place := range shown {
			for _, reason := range decide.Reasons() {
				got := place[string(reason)]
				if got == "" || strings.Contains(got, "<nil>") {
					t.Errorf("%s: %s has no words or no color", name, reason)
				}
				if appearance[string(reason)] == "" {
					appearance[string(reason)] = got
				}
				if got != appearance[string(reason)] {
					t.Errorf("%s: %s is %s here and %s elsewhere", name, reason, got, appearance[string(reason)])
				}
			}
			if len(place) != len(decide.Reasons()) {
				t.Errorf("%s: %d reasons have words, and there are %d", name, len(place), len(decide.Reasons()))
			}
		}
	}
	for reason, its := range appearance {
		color := its[strings.LastIndex(its, " ")+1:]
		if taken[color] != "" {
			t.Errorf("%s and %s have the same color", reason, taken[color])
		}
		taken[color] = reason
	}
}

// appearances finds the words and colors of reasons in a board's JSON: the mappings
// of values, and the overrides of series that have the reason as their name.
func appearances(value any) []map[string]string {
	var all []map[string]string
	switch v := value.(type) {
	case []any:
		series := map[string]string{}
		for _, one := range v {
			all = append(all, appearances(one)...)
			override, _ := one.(map[string]any)
			matcher, _ := override["matcher"].(map[string]any)
			name, _ := matcher["options"].(string)
			if !isReason(name) {
				continue
			}
			properties := map[string]any{}
			for _, p := range override["properties"].([]any) {
				properties[p.(map[string]any)["id"].(string)] = p.(map[string]any)["value"]
			}
			color, _ := properties["color"].(map[string]any)
			if properties["displayName"] == nil { // a series that only has the same name
				continue
			}
			series[name] = fmt.Sprint(properties["displayName"], " ", color["fixedColor"])
		}
		if len(series) > 0 {
			all = append(all, series)
		}
	case map[string]any:
		mapped := map[string]string{}
		for key, inner := range v {
			all = append(all, appearances(inner)...)
			if result, ok := inner.(map[string]any); ok && isReason(key) {
				mapped[key] = fmt.Sprint(result["text"], " ", result["color"])
			}
		}
		if len(mapped) > 0 {
			all = append(all, mapped)
		}
	}
	return all
}

func isReason(name string) bool {
	for _, reason := range decide.Reasons() {
		if string(reason) == name {
			return true
		}
	}
	return false
}
