// Package play plays the story of an example: what its README promises, one part
// after the other. The live demonstration and the test play the same parts.
package play

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Part is a part of a story.
type Part struct {
	Name, Promise string
	Play          func(context.Context) error // returns what was not as promised
}

// Parts plays parts, each of which builds on those before, until one fails. It writes
// what each promises, and at the end how long all took.
func Parts(ctx context.Context, out io.Writer, parts []Part, began time.Time) error {
	var verdicts strings.Builder
	for _, part := range parts {
		fmt.Fprintf(out, "\n== %s\n   %s\n", part.Name, part.Promise)
		start := time.Now()
		if err := part.Play(ctx); err != nil {
			fmt.Fprint(out, "\n"+verdicts.String())
			return fmt.Errorf("%s: %w", part.Name, err)
		}
		fmt.Fprintf(&verdicts, "   %-26s %5.0f s  ok\n", part.Name, time.Since(start).Seconds())
	}
	fmt.Fprintf(out, "\n== Summary\n%s   All of it took %.0f s.\n", verdicts.String(), time.Since(began).Seconds())
	return nil
}
