// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"sync"

	"github.com/tcptune/tcptune/internal/netns"
)

// A Series takes snapshots of one network namespace, one after another. Each is
// the end of a window that began with the one before, so that a view that goes
// on for hours reads the host no other way, and no more often, than a check does.
type Series struct {
	mu     sync.Mutex // a round that is being taken ends before the series does
	c      *Collector
	last   *Snapshot
	survey *survey // of the one namespace; nil for our own
	closed bool
}

var errClosed = errors.New("the series is closed")

// Series begins a series of the network namespace n, or of our own for nil. The
// caller closes it.
func (c *Collector) Series(n *netns.Namespace) (*Series, error) {
	s := &Series{c: c}
	if n == nil {
		return s, nil
	}
	if !c.Live() {
		return nil, errNotLive
	}
	s.survey = newSurvey(c, []*netns.Namespace{n})
	if err := s.survey.visits[0].err; err != nil {
		return nil, err
	}
	return s, nil
}

// Next takes a snapshot and returns the window that ends with it; the first one
// has no start. The error is that of the context or of the namespace.
func (s *Series) Next(ctx context.Context) (*Window, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	from, to, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	s.last = to
	return &Window{SchemaVersion: SchemaVersion, Tool: s.c.tool, From: from, To: to}, nil
}

func (s *Series) take(ctx context.Context) (from, to *Snapshot, err error) {
	if s.survey == nil {
		to, err := s.c.end(ctx, s.last)
		return s.last, to, err
	}
	v := s.survey.visits[0]
	v.from, v.now, v.guess = s.last, nil, v.depth == depthListeners
	s.survey.round(ctx, Survey{}, true)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return v.from, v.now, v.err
}

// Close lets go of the namespace, after the round that is being taken.
func (s *Series) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.survey != nil && !s.closed {
		s.survey.close()
	}
	s.closed = true
}
