package story

import (
	"fmt"
	"testing"
)

func TestUpAndDown(t *testing.T) {
	for _, c := range []struct {
		steps []int
		want  bool
	}{
		{[]int{0, 3, 2, 1, 0}, true},
		{[]int{0, 1, 3, 2, 1, 0}, true},
		{[]int{0, 3, 4, 3, 2, 1, 0}, false},
		{[]int{0, 3, 1, 0}, false},
		{[]int{0, 2, 1, 0}, false},
		{[]int{0, 3, 2, 3, 2, 1, 0}, false},
		{[]int{0, 3, 2, 1}, false},
		{[]int{1, 3, 2, 1, 0}, false},
		{nil, false},
	} {
		t.Run(fmt.Sprint(c.steps), func(t *testing.T) {
			if got := upAndDown(c.steps); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
