package promapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/client_golang/api"
)

// strict refuses answers that the client would take for 0 or for an empty one:
// it reads a sample without a value, such as {"metric":{}} or
// {"value":[1700000000]}, as 0 at the time 0, and does not look whether the
// answer says that the query succeeded.
type strict struct{ api.Client }

// Do implements api.Client.
func (c strict) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	resp, body, err := c.Client.Do(ctx, r)
	switch {
	case err != nil:
		return resp, body, withoutQuery(err)
	case isRedirect(resp):
		return resp, body, redirected("%s redirects, and follow_redirects is false: set prometheus.url to where it redirects to", r.URL.Host)
	case resp.StatusCode/100 == 2:
		return resp, body, check(body)
	}
	return resp, body, nil
}

// withoutQuery leaves out what a redirect may have repeated of the query
// parameters, for they may be secret.
func withoutQuery(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		failed.URL, _, _ = strings.Cut(failed.URL, "?")
	}
	return err
}

// check looks at what the client does not. What it cannot parse it leaves to
// the client, which says what is wrong. It reads the answer with the client's own
// parser and keeps nothing of it, as an answer for 10,000 workloads has megabytes.
func check(body []byte) error {
	it := jsoniter.ConfigDefault.BorrowIterator(body)
	defer jsoniter.ConfigDefault.ReturnIterator(it)
	var status, resultType string
	var scalar, vector error // what is wrong with the result, if it is one
	null := false
	it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
		switch {
		case strings.EqualFold(key, "status"): // as the client compares
			status = it.ReadString()
		case strings.EqualFold(key, "data"):
			it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
				switch {
				case strings.EqualFold(key, "resultType"):
					resultType = it.ReadString()
				case strings.EqualFold(key, "result") && it.WhatIsNext() == jsoniter.ArrayValue:
					scalar, vector = checkResult(it)
				default:
					null = null || strings.EqualFold(key, "result") && it.WhatIsNext() == jsoniter.NilValue
					it.Skip()
				}
				return true
			})
		default:
			it.Skip()
		}
		return true
	})
	switch {
	case it.Error != nil && !errors.Is(it.Error, io.EOF) || status == "error":
		return nil
	case status != "success":
		return errors.New("an answer that does not say that the query succeeded: is this a Prometheus?")
	case resultType == "scalar":
		return scalar
	case resultType == "vector" && null:
		return errors.New("an answer without a result")
	case resultType == "vector":
		return vector
	}
	return nil
}

// checkResult reads a result, and returns what is wrong with it as a scalar and
// as a vector.
func checkResult(it *jsoniter.Iterator) (scalar, vector error) {
	var pair pairCheck
	it.ReadArrayCB(func(it *jsoniter.Iterator) bool {
		if it.WhatIsNext() != jsoniter.ObjectValue {
			pair.next(it)
			vector = errSeries
			return true
		}
		pair.other()
		if !checkSeries(it) {
			vector = errSeries
		}
		return true
	})
	if !pair.ok() {
		scalar = errors.New(`a scalar that is not [time, "number"]`)
	}
	return scalar, vector
}

var errSeries = errors.New(`a series that has no [time, "number"]`)

// checkSeries reads a series, and reports whether it has a value.
func checkSeries(it *jsoniter.Iterator) bool {
	has, wrong := false, false
	it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
		histogram := strings.EqualFold(key, "histogram")
		if !histogram && !strings.EqualFold(key, "value") || it.WhatIsNext() != jsoniter.ArrayValue {
			it.Skip()
			return true
		}
		var pair pairCheck
		it.ReadArrayCB(func(it *jsoniter.Iterator) bool { pair.next(it); return true })
		has, wrong = true, wrong || !pair.ok() && !(histogram && pair.histogram())
		return true
	})
	return has && !wrong
}

// pairCheck looks at the entries of a list one by one.
type pairCheck [3]jsoniter.ValueType // of the first two; whether there are more

func (p *pairCheck) next(it *jsoniter.Iterator) {
	p.note(it.WhatIsNext())
	it.Skip()
}

// other notes an entry that is an object, which is read elsewhere.
func (p *pairCheck) other() { p.note(jsoniter.ObjectValue) }

func (p *pairCheck) note(kind jsoniter.ValueType) {
	for i, noted := range p {
		if noted == jsoniter.InvalidValue {
			p[i] = kind
			return
		}
	}
}

// ok reports whether it is [1700000000.123, "42"].
func (p pairCheck) ok() bool {
	return p == pairCheck{jsoniter.NumberValue, jsoniter.StringValue}
}

// histogram reports whether it is [1700000000.123, {...}].
func (p pairCheck) histogram() bool {
	return p == pairCheck{jsoniter.NumberValue, jsoniter.ObjectValue}
}
