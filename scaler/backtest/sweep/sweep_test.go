package sweep

import (
	"fmt"
	"strings"
	"testing"
)

func TestRanges(t *testing.T) {
	for text, want := range map[string]string{
		"10:30:10": "[10 20 30]", "0.1:0.3:0.1": "[0.1 0.2 0.3]", "5:5:1": "[5]", "5:8:2": "[5 7]",
	} {
		r, err := ParseRange(text)
		if got := fmt.Sprint(r.values()); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"10", "10:20", "a:b:c", "20:10:1", "1:2:0", "1:2:-1", "0:1e9:1", "NaN:1:1"} {
		if _, err := ParseRange(text); err == nil || !strings.Contains(err.Error(), "want FROM:TO:BY") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
