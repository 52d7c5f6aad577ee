package fake

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stream is an open watch.
type stream struct {
	of   Request
	sent int // up to this version
	end  func()
}

func (s *Server) watch(r *http.Request, is Request) *http.Response {
	from, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil || from < s.oldest {
		return status(r, http.StatusGone, "Expired")
	}
	ctx, cancel := context.WithCancel(r.Context())
	if seconds, err := strconv.Atoi(r.URL.Query().Get("timeoutSeconds")); err == nil && !s.Endless {
		time.AfterFunc(time.Duration(seconds)*time.Second, cancel)
	}
	if s.Short {
		cancel()
	}
	body, to := io.Pipe()
	w := &stream{is, from, cancel}
	s.streams[w] = true
	go s.feed(ctx, w, to)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: closer{body, cancel}, Request: r}
}

type closer struct {
	io.ReadCloser
	cancel func()
}

func (c closer) Close() error { c.cancel(); return c.ReadCloser.Close() }

// feed writes what a watch shows.
func (s *Server) feed(ctx context.Context, w *stream, to *io.PipeWriter) {
	defer func() {
		to.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, w)
	}()
	for ctx.Err() == nil {
		s.mu.Lock()
		var text []byte
		forgotten := !s.lag && w.sent < s.oldest
		switch {
		case s.lag:
		case forgotten:
			text = append(text, `{"type":"ERROR","object":{"status":"Failure","reason":"Expired","code":410}}`...)
		default:
			next, _ := slices.BinarySearchFunc(s.history, w.sent+1, func(c change, version int) int { return c.version - version })
			for _, c := range s.history[next:] {
				if c.kind == "BOOKMARK" || w.of.has(c.namespace, c.name) {
					text = fmt.Appendf(text, "{\"type\":%q,\"object\":%s}\n", c.kind, c.text)
				}
			}
			w.sent = s.version
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if len(text) > 0 {
			if _, err := to.Write(text); err != nil || forgotten {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}
