// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// Changed is one key that somebody has set.
type Changed struct {
	Key     string `cel:"key" doc:"dotted key"`
	Value   string `cel:"value" doc:"live value, blanks folded"`
	Default string `cel:"default" doc:"the value that this kernel gives the key by itself on this machine"`
}

// defaults works out what the kernel would have set, for the keys that exist
// here, and which of them have another value.
func (d *derivation) defaults(catalogue *sysctl.Catalogue) {
	if d.to.Sysctls == nil {
		return
	}
	host := d.defaultsHost()
	d.facts.values.defaults = make(map[string]string)
	d.facts.Changed = []*Changed{}
	for _, p := range catalogue.Parameters() {
		key := p.Key.String()
		live, ok := d.to.Sysctls[key]
		if !ok {
			continue
		}
		value, ok := p.DefaultOn(host)
		if !ok {
			continue
		}
		d.facts.values.defaults[key] = string(value.Value)
		if !value.Matches(sysctl.Value(live)) {
			d.facts.Changed = append(d.facts.Changed, &Changed{Key: key, Value: live, Default: string(value.Value)})
		}
	}
}

// defaultsHost is what default values follow from.
func (d *derivation) defaultsHost() sysctl.Host {
	var host sysctl.Host
	if h := d.to.Host; h != nil {
		host.Release, host.Machine = h.Kernel, h.Machine
		if h.MemoryBytes != nil {
			host.MemoryBytes = *h.MemoryBytes
		}
		if h.PageBytes != nil {
			host.PageBytes = *h.PageBytes
		}
	}
	if n, ok := d.facts.Sysctl("net.ipv4.tcp_ehash_entries", 0); ok {
		host.HashBuckets = n
	}
	return host
}

// SysctlDefault returns number index (from 0) of the value that the kernel
// gives a key by itself on this machine; false when that is unknown or no
// number, and for a key that does not exist here.
func (f *Facts) SysctlDefault(key string, index int) (int64, bool) {
	return numberAt(f.values.defaults[key], index)
}

// SysctlDefaultText returns that value as text.
func (f *Facts) SysctlDefaultText(key string) (string, bool) {
	v, ok := f.values.defaults[key]
	return v, ok
}

// numberAt returns field index of a value.
func numberAt(value string, index int) (int64, bool) {
	fields := strings.Fields(value)
	if index < 0 || index >= len(fields) {
		return 0, false
	}
	return parseInt(fields[index])
}
