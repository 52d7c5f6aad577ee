// Package promql tells what an expression gives without asking Prometheus. It
// parses as Prometheus itself does, experimental syntax included. Prometheus's
// parser is 1.0 of the program's 23 MB, so the commands that need it offline are
// in the same binary.
package promql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Query is a parsed expression that gives numbers as of one time: a vector, or
// a scalar.
type Query struct{ expr parser.Expr }

// Parse returns an error if the text is not PromQL, or if it gives something
// else than a vector or a scalar.
func Parse(text string) (Query, error) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return Query{}, fmt.Errorf("not PromQL: %w", plain(err))
	}
	switch expr.Type() {
	case parser.ValueTypeMatrix:
		return Query{}, errors.New("a range vector: want an instant vector, for example by rate() or max_over_time()")
	case parser.ValueTypeString:
		return Query{}, errors.New("a string: want an instant vector or a scalar")
	}
	return Query{expr}, nil
}

// plain says what is wrong, and where in the expression, in one line.
func plain(err error) error {
	var all parser.ParseErrors
	if !errors.As(err, &all) || len(all) == 0 {
		return err
	}
	text := strings.Replace(all[0].Error(), " parse error:", "", 1)
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// inner is the expression without parentheses around it.
func inner(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

// TellsAge reports whether the answer carries the time at which its samples
// were scraped. Only a selector's does, for anything else Prometheus answers
// with the time of the evaluation.
func (q Query) TellsAge() bool {
	_, ok := inner(q.expr).(*parser.VectorSelector)
	return ok
}

// TimestampQuery returns an expression for the time of the newest sample that
// the query's first selector selects, for each value of the labels; "" if it
// has no selector.
func (q Query) TimestampQuery(labels ...string) string {
	var first *parser.VectorSelector
	parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok && first == nil {
			first = s
		}
		return nil
	})
	if first == nil {
		return ""
	}
	by := ""
	if len(labels) > 0 {
		by = " by (" + strings.Join(labels, ", ") + ") "
	}
	return fmt.Sprintf("max%s(timestamp(%s))", by, first)
}

// Drops reports whether no series of the answer can have the label, because
// the outermost aggregation leaves it out.
func (q Query) Drops(label string) bool {
	a, ok := inner(q.expr).(*parser.AggregateExpr)
	switch {
	case !ok:
		return false
	case a.Op == parser.TOPK, a.Op == parser.BOTTOMK, a.Op == parser.LIMITK, a.Op == parser.LIMIT_RATIO:
		return false // which select series as they are
	case a.Op == parser.COUNT_VALUES:
		if s, ok := inner(a.Param).(*parser.StringLiteral); ok && s.Val == label {
			return false
		}
	}
	return slices.Contains(a.Grouping, label) == a.Without
}
