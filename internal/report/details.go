// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// Details are what was measured whether or not a finding names it. JSON has it
// in the saved window. Each list is bounded, so that the checks of thousands of
// network namespaces fit into memory.
type details struct {
	taken        time.Time
	rates        []rate              // of the counters whose rate is known, fastest first
	listeners    []facts.Listener    // fullest queue first
	destinations []facts.Destination // fewest ports left first
	settings     []setting           // that a file sets or that are not the kernel's default
}

// A rate is a counter that moved in the window.
type rate struct {
	counter   string
	perSecond float64
}

// A setting is a key, its live value and where it comes from.
type setting struct {
	key      string
	live     *string // nil: unknown
	absent   bool    // this kernel, or this network namespace, does not have the key
	standard *string // the kernel's own value on this host; nil: unknown
	address  string  // file:line that sets it; "" where none does
	set      string  // the value of that line
	drift    *bool   // the live value is not what the boot leaves; nil: unknown
}

// The most entries of each list.
const (
	maxListeners    = 20
	maxDestinations = 20
	maxSettings     = 200
)

func newDetails(w *snapshot.Window, f *facts.Facts) details {
	d := details{taken: w.To.Taken, rates: rates(f), settings: settings(f)}
	d.listeners = first(maxListeners, f.Listeners, func(a, b *facts.Listener) int {
		return cmp.Or(cmp.Compare(fill(b), fill(a)), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address))
	})
	d.destinations = first(maxDestinations, f.Destinations, func(a, b *facts.Destination) int {
		return cmp.Or(cmp.Compare(b.Use, a.Use), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Source, b.Source))
	})
	return d
}

// first copies the first elements of a list in an order.
func first[T any](most int, list []*T, order func(a, b *T) int) []T {
	list = slices.SortedFunc(slices.Values(list), order)
	var out []T
	for _, element := range list[:min(most, len(list))] {
		out = append(out, *element)
	}
	return out
}

// fill is how full the accept queue of a listener is, 1 for full; 0 where its
// limit is unknown.
func fill(l *facts.Listener) float64 {
	if l.Backlog == nil || *l.Backlog <= 0 {
		return 0
	}
	return float64(l.Queue) / float64(*l.Backlog)
}

func rates(f *facts.Facts) []rate {
	if f.Rate == nil {
		return nil
	}
	var list []rate
	v := reflect.ValueOf(f.Rate).Elem()
	for i := range v.NumField() {
		if p, ok := v.Field(i).Interface().(*float64); ok && p != nil && *p >= 0 {
			list = append(list, rate{v.Type().Field(i).Name, *p})
		}
	}
	slices.SortStableFunc(list, func(a, b rate) int { return cmp.Compare(b.perSecond, a.perSecond) })
	return list
}

// settings joins the keys of the sysctl files with those that were changed.
func settings(f *facts.Facts) []setting {
	byKey := make(map[string]*setting)
	add := func(key string) *setting {
		s := byKey[key]
		if s == nil {
			s = &setting{key: key, live: known(f.SysctlText(key)), standard: known(f.SysctlDefaultText(key))}
			exists, told := f.SysctlExists(key)
			s.absent = told && !exists
			byKey[key] = s
		}
		return s
	}
	for _, c := range f.Changed {
		add(c.Key)
	}
	for _, from := range f.Settings {
		s := add(from.Key)
		s.drift = from.Drift
		switch {
		case from.BootAddress != nil && from.Boot != nil:
			s.address, s.set = *from.BootAddress, *from.Boot
		case from.BootAddress == nil && from.System != nil:
			s.address, s.set = from.SystemAddress, *from.System
		}
	}
	var list []setting
	for _, s := range byKey {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b setting) int { return cmp.Compare(a.key, b.key) })
	return list[:min(maxSettings, len(list))]
}

func known(value string, ok bool) *string {
	if !ok {
		return nil
	}
	return &value
}

// address is the file:line that sets a key; "" where none is known to.
func (d *details) address(key string) string {
	for _, s := range d.settings {
		if s.key == key {
			return s.address
		}
	}
	return ""
}
