// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"reflect"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// Derive turns a window, whose To is not nil, into facts. It reads nothing else, so the same window
// gives the same facts anywhere. The catalogue tells removed, misspelt and
// host-only keys apart.
func Derive(w *snapshot.Window, catalogue *sysctl.Catalogue) *Facts {
	s := w.To
	f := &Facts{
		Window: &Window{},
		Netns:  &Netns{},
		values: sysctlValues{values: s.Sysctls, absent: set(s.Absent)},
	}
	seconds, measured := w.Seconds()
	if measured {
		f.Window.Seconds = &seconds
	}
	d := &derivation{facts: f, from: w.From, to: s, seconds: seconds}
	if !measured {
		d.from = nil
	}
	d.machine()
	d.counters()
	d.conntrack()
	d.neighbours()
	d.interfaces()
	d.uplink()
	if s.Host != nil {
		f.Netns.Initial = s.Host.Initial
		if s.Host.Kernel != "" {
			f.Kernel = &Kernel{Release: s.Host.Kernel, Machine: known(s.Host.Machine)}
		}
	}
	if s.Sockets != nil {
		reserved, err := snapshot.ParsePorts(s.Sockets.Ports.List)
		d.reserved, d.ranged = reserved, s.Sockets.Ports.Known && err == nil
		for i := range s.Sockets.Listeners {
			d.listening.Add(s.Sockets.Listeners[i].Local.Port())
		}
		d.sockets()
		d.ports()
		d.listeners()
		if d.walked() {
			d.connections()
			d.destinations()
			d.processes()
			d.clients()
			d.networks()
			d.finSent()
		}
	}
	d.defaults(catalogue)
	d.timeouts()
	d.lines(catalogue)
	d.config(catalogue)
	d.units()
	return f
}

// derivation is what the parts of Derive share.
type derivation struct {
	facts     *Facts
	from, to  *snapshot.Snapshot // from is nil when the window has no length
	seconds   float64
	reserved  snapshot.PortSet // ip_local_reserved_ports
	listening snapshot.PortSet // local ports with a listener
	sample    []flow           // the sample of ESTABLISHED connections
	ranged    bool             // the ephemeral range and the reserved ports are known
}

// start is the socket table at the start of the window, nil when unknown.
func (d *derivation) start() *snapshot.Sockets {
	if d.from == nil {
		return nil
	}
	return d.from.Sockets
}

// machine derives the numbers of the whole machine.
func (d *derivation) machine() {
	m := &Machine{UptimeSeconds: d.to.Uptime}
	d.facts.Machine = m
	if h := d.to.Host; h != nil {
		m.CPUs, m.MemoryBytes, m.PageBytes, m.HZ = h.CPUs, h.MemoryBytes, h.PageBytes, h.HZ
	}
	if n, ok := d.to.Sockstat["TCP.orphan"]; ok {
		m.Orphans = &n
	}
	if n, ok := d.to.Sockstat["TCP.mem"]; ok {
		m.TCPMemoryPages = &n
	}
	if o := d.to.Files; o != nil {
		m.FilesOpen, m.FilesMax = &o.Open, &o.Max
	}
	d.softnet(m)
}

// counters fills totals, deltas and rates by the kernel's names. A counter
// that fell means another namespace or a reset: its growth is unknown.
func (d *derivation) counters() {
	total, delta, rate := &Totals{}, &Deltas{}, &Rates{}
	d.facts.Total, d.facts.Delta, d.facts.Rate = total, delta, rate
	totals, deltas, rates := reflect.ValueOf(total).Elem(), reflect.ValueOf(delta).Elem(), reflect.ValueOf(rate).Elem()
	for i := range totals.NumField() {
		name := totals.Type().Field(i).Name
		now, ok := counter(d.to, name)
		if !ok {
			continue
		}
		totals.Field(i).Set(reflect.ValueOf(&now))
		if d.from == nil {
			continue
		}
		before, ok := counter(d.from, name)
		if !ok || now < before {
			continue
		}
		grown := now - before
		perSecond := float64(grown) / d.seconds
		deltas.Field(i).Set(reflect.ValueOf(&grown))
		rates.Field(i).Set(reflect.ValueOf(&perSecond))
	}
}

func counter(s *snapshot.Snapshot, name string) (int64, bool) {
	if n, ok := s.Counters["TcpExt."+name]; ok {
		return n, true
	}
	if n, ok := s.Counters["Tcp."+name]; ok {
		return n, true
	}
	n, ok := s.Counters["Ip."+name]
	return n, ok
}

// units lists the LimitNOFILE= lines.
func (d *derivation) units() {
	if !d.to.UnitsRead {
		return
	}
	d.facts.Units = []*Unit{}
	for _, u := range d.to.Units {
		d.facts.Units = append(d.facts.Units, &Unit{
			Address: address(u.File, u.Number), Unit: u.Name, NoFile: u.NoFile,
		})
	}
}
