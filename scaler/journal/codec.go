package journal

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// fields are the parts of a record in a fixed order, each either a number or a
// text. Neighbouring records of a target differ in few of them, and by little,
// so a record is kept as its difference from the one before.
type fields struct {
	numbers []int64
	texts   []string
}

// codec moves a record's parts into fields, or out of them.
type codec struct {
	*fields
	out                  bool // of the fields, into the record
	nextNumber, nextText int
}

func (c *codec) number(v int64) int64 {
	if !c.out {
		c.numbers = append(c.numbers, v)
		return v
	}
	v = 0
	if c.nextNumber < len(c.numbers) {
		v = c.numbers[c.nextNumber]
	}
	c.nextNumber++
	return v
}

// Text implements decide.Visitor.
func (c *codec) Text(v *string) {
	if !c.out {
		c.texts = append(c.texts, *v)
		return
	}
	*v = ""
	if c.nextText < len(c.texts) {
		*v = c.texts[c.nextText]
	}
	c.nextText++
}

// set sets what is read. What is kept may be shared, so it is never written.
func set[T any](c *codec, v *T, to T) {
	if c.out {
		*v = to
	}
}

func integer[T ~int | ~int32 | ~int64](c *codec, v *T) { set(c, v, T(c.number(int64(*v)))) }

// Count implements decide.Visitor.
func (c *codec) Count(v *int) { integer(c, v) }

// Time implements decide.Visitor. Most times are whole milliseconds.
func (c *codec) Time(v *time.Time) {
	var ms int64
	var rest time.Duration
	known := !v.IsZero()
	if known {
		ms = v.UnixMilli()
		rest = v.Sub(time.UnixMilli(ms))
	}
	c.flag(&known)
	integer(c, &ms)
	integer(c, &rest)
	switch {
	case !c.out:
	case known:
		*v = time.UnixMilli(ms).Add(rest)
	default:
		*v = time.Time{}
	}
}

// since is a time that is near another.
func (c *codec) since(v *time.Time, from time.Time) {
	var passed time.Duration
	known := !v.IsZero()
	if known {
		passed = v.Sub(from)
	}
	c.flag(&known)
	integer(c, &passed)
	switch {
	case !c.out:
	case known:
		*v = from.Add(passed)
	default:
		*v = time.Time{}
	}
}

func (c *codec) flag(v *bool) {
	var n int64
	if *v {
		n = 1
	}
	set(c, v, c.number(n) != 0)
}

// float keeps all bits. Numbers with few digits have zeros at the end, which
// come first here, so that they are small.
func (c *codec) float(v *float64) {
	n := c.number(int64(bits.ReverseBytes64(math.Float64bits(*v))))
	set(c, v, math.Float64frombits(bits.ReverseBytes64(uint64(n))))
}

// pointer keeps whether there is something, and lets keep keep it.
func pointer[T any](c *codec, v **T, keep func(*T)) {
	there := *v != nil
	c.flag(&there)
	var value T
	if *v != nil {
		value = *(*v)
	}
	keep(&value)
	switch {
	case !c.out:
	case there:
		*v = &value
	default:
		*v = nil
	}
}

// appendDelta appends by what f differs from before.
func appendDelta(to []byte, f, before *fields) []byte {
	return appendChanges(appendNumbers(to, f.numbers, before.numbers), f.texts, before.texts, func(to []byte, text, _ string) []byte {
		return append(binary.AppendUvarint(to, uint64(len(text))), text...)
	})
}

func appendNumbers(to []byte, numbers, before []int64) []byte {
	return appendChanges(to, numbers, before, func(to []byte, n, before int64) []byte {
		return binary.AppendVarint(to, n-before)
	})
}

// appendChanges appends how many values there are, how many of them have
// changed, and for each of those how many are in between, and its change.
func appendChanges[T comparable](to []byte, now, before []T, change func(to []byte, now, before T) []byte) []byte {
	old := func(i int) (v T) {
		if i < len(before) {
			v = before[i]
		}
		return v
	}
	changed := 0
	for i, v := range now {
		if v != old(i) {
			changed++
		}
	}
	to = binary.AppendUvarint(binary.AppendUvarint(to, uint64(len(now))), uint64(changed))
	last := 0
	for i, v := range now {
		if v != old(i) {
			to = change(binary.AppendUvarint(to, uint64(i-last)), v, old(i))
			last = i
		}
	}
	return to
}

// readDelta applies what appendDelta appended to f, in place, and returns what
// follows. It trusts from.
func readDelta(from []byte, f *fields) []byte {
	from = readNumbers(from, &f.numbers)
	n, from := uvarint(from)
	f.texts = resized(f.texts, n)
	changed, from := uvarint(from)
	i := 0
	for range changed {
		n, from = uvarint(from)
		i += n
		n, from = uvarint(from)
		f.texts[i], from = string(from[:n]), from[n:]
	}
	return from
}

func readNumbers(from []byte, numbers *[]int64) []byte {
	n, from := uvarint(from)
	*numbers = resized(*numbers, n)
	changed, from := uvarint(from)
	i := 0
	for range changed {
		n, from = uvarint(from)
		i += n
		v, size := binary.Varint(from)
		(*numbers)[i] += v
		from = from[size:]
	}
	return from
}

func uvarint(from []byte) (int, []byte) {
	v, n := binary.Uvarint(from)
	return int(v), from[n:]
}

func resized[T any](s []T, n int) []T {
	for len(s) < n {
		var zero T
		s = append(s, zero)
	}
	return s[:n]
}
