// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"time"

	"github.com/tcptune/tcptune/internal/netns"
)

// A TableVisit is the table of one network namespace of several.
type TableVisit struct {
	Label netns.Label
	Table *Table // nil where it was not examined
	Err   error  // why it was not
}

// Tables counts the sockets of several network namespaces of the live host.
// Holders are searched once for all, and a namespace is not walked where the
// cheap facts show that there are listeners only.
func (c *Collector) Tables(ctx context.Context, o Survey, by Grouping) ([]TableVisit, error) {
	if !c.Live() {
		return nil, errNotLive
	}
	bounded, cancel := o.bound(ctx)
	defer cancel()
	s := newTableSurvey(c, o.Namespaces)
	defer s.close()
	gaps := &Snapshot{Taken: time.Now()}
	all := make(wanted)
	var h *holders
	if by == ByListener {
		s.each(bounded, func(*tableVisit) error { return c.wantListeners(bounded, all) })
		h = c.tableHolders(bounded, gaps, all)
	}
	s.each(bounded, func(v *tableVisit) error { return c.count(bounded, v, by, h) })
	if by == ByProcess {
		h = s.search(bounded, gaps, all)
	}
	visits := make([]TableVisit, len(s.visits))
	for i, v := range s.visits {
		visits[i] = TableVisit{Label: v.namespace.Label, Err: v.err}
		if v.err == nil {
			v.tabulation.holders = h
			v.gaps.Gaps = append(v.gaps.Gaps, gaps.Gaps...)
			visits[i].Table = c.finishTable(v.tabulation, v.gaps)
		}
	}
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return visits, nil
}

// tableSurvey is a TableVisit of each namespace while they are made.
type tableSurvey struct {
	*Collector
	visits []*tableVisit
}

type tableVisit struct {
	place
	tabulation *tabulation
	gaps       *Snapshot
}

func newTableSurvey(c *Collector, list []*netns.Namespace) *tableSurvey {
	s := &tableSurvey{Collector: c}
	for _, n := range list {
		s.visits = append(s.visits, &tableVisit{place: newPlace(n), gaps: &Snapshot{Taken: time.Now()}})
	}
	return s
}

func (s *tableSurvey) close() {
	for _, v := range s.visits {
		v.close()
	}
}

// each calls fn in each namespace for as long as there is time.
func (s *tableSurvey) each(ctx context.Context, fn func(*tableVisit) error) {
	for _, v := range s.visits {
		if v.err == nil && ctx.Err() == nil {
			v.err = v.handle.Do(func() error { return fn(v) })
		}
		if ctx.Err() != nil && v.tabulation == nil && (v.err == nil || errors.Is(v.err, ctx.Err())) {
			v.err = ErrTimeUp
		}
	}
}

// count counts the sockets of the namespace of the calling thread.
func (c *Collector) count(ctx context.Context, v *tableVisit, by Grouping, h *holders) (err error) {
	s := v.gaps
	c.readCounters(s)
	s.Sockstat = c.readSockstat(s.gap)
	v.tabulation, err = c.tabulate(ctx, s, by, h, func(listeners int64) bool {
		g := s.glance(nil)
		g.listeners = listeners
		return g.alone()
	})
	return err
}

// search finds the holders of all sockets that were counted.
func (s *tableSurvey) search(ctx context.Context, gaps *Snapshot, all wanted) *holders {
	for _, v := range s.visits {
		if v.err == nil {
			all.join(v.tabulation.wanted())
		}
	}
	return s.tableHolders(ctx, gaps, all)
}
