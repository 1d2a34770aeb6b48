// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"slices"
)

// Identify tells which boot and network namespace snapshots will be of. It
// reads little.
func (c *Collector) Identify() *Host {
	s := &Snapshot{}
	s.readHost(c.root)
	s.Host.readNamespace(c.root, namespaceOfFirst())
	return s.Host
}

// Since takes a window that began with a snapshot taken earlier, of the same
// boot and network namespace: whether it is of the same shows Window.Seconds.
func (c *Collector) Since(ctx context.Context, from *Snapshot) (*Window, error) {
	to, err := c.end(ctx, from)
	if err != nil {
		return nil, err
	}
	return &Window{SchemaVersion: SchemaVersion, Tool: c.tool, From: from, To: to}, nil
}

// Start is what of a snapshot counts when it becomes the start of a window. It
// shares memory with s. A sample that is worn is left out: the next one is drawn
// anew, and has nothing to be compared with once.
func (s *Snapshot) Start() *Snapshot {
	start := &Snapshot{
		Taken: s.Taken, Uptime: s.Uptime, Host: s.Host, Counters: s.Counters, Sockstat: s.Sockstat, Softnet: s.Softnet,
		Neighbours: s.Neighbours, Interfaces: s.Interfaces, Gaps: s.Gaps, Cost: s.Cost,
	}
	if s.Conntrack != nil {
		conntrack := *s.Conntrack
		conntrack.Table = nil
		start.Conntrack = &conntrack
	}
	if in := s.Sockets; in != nil {
		start.Sockets = &Sockets{
			Method: in.Method, Tiers: in.Tiers, Received: in.Received, Complete: in.Complete, Interrupted: in.Interrupted,
			States: in.States, Counted: in.Counted, Mini: in.Mini, Listeners: in.Listeners, Open: in.Open, Dropped: in.Dropped,
			Ports: in.Ports, Sample: in.Sample,
		}
		if in.Sample != nil && in.Sample.worn() {
			start.Sockets.Sample = nil
		}
	}
	return start
}

// currEstab is the one of the counters that is a gauge.
const currEstab = "Tcp.CurrEstab"

// Fell lists the counters that are lower at the end of the window than at its
// start. Those of one network namespace never fall: it was made anew under the
// same number, or the kernel's counters are 32 bits wide and wrapped.
func (w *Window) Fell() []string {
	var names []string
	if w.From == nil || w.To == nil {
		return nil
	}
	for name, before := range w.From.Counters {
		if now, ok := w.To.Counters[name]; ok && now < before && name != currEstab {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
