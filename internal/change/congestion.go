// SPDX-License-Identifier: Apache-2.0

package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// The keys of congestion control. Writing a name that the kernel does not have fails
// with ENOENT, which looks like a missing key.
const (
	congestionKey          = "net.ipv4.tcp_congestion_control"
	allowedCongestionKey   = "net.ipv4.tcp_allowed_congestion_control"
	availableCongestionKey = "net.ipv4.tcp_available_congestion_control"
)

// checkCongestion returns why the kernel would refuse the congestion control of a
// step. Without live values nothing is checked. A name that is not loaded passes, with
// a note, if there is a module of it: the kernel loads that by itself
// (net/ipv4/tcp_cong.c, tcp_ca_find_autoload).
func (p *planner) checkCongestion(step Step) error {
	available := p.names(availableCongestionKey)
	if step.Status != Changed || len(available) == 0 {
		return nil
	}
	switch name := string(*step.New); step.Key.String() {
	case congestionKey:
		return p.checkAlgorithm(name, available)
	case allowedCongestionKey: // loads nothing, but the algorithm is chosen before it
		if t, ok := p.plan.State.find(sysctl.MustKey(congestionKey)); ok {
			available = append(available, string(t.Value))
		}
		for _, field := range step.New.Fields() {
			if !slices.Contains(available, field) {
				return fmt.Errorf("set %s to %q: %s is not loaded, %s are", step.Key, name, field, strings.Join(available, ", "))
			}
		}
	}
	return nil
}

func (p *planner) checkAlgorithm(name string, available []string) error {
	allowed := p.names(allowedCongestionKey)
	module := sysctl.CongestionModule(name)
	switch {
	case slices.Contains(available, name) && p.situation.child() && len(allowed) > 0 && !slices.Contains(allowed, name):
		return fmt.Errorf("set %s to %q: outside the initial network namespace only those that all programs may use can be chosen: %s",
			congestionKey, name, strings.Join(allowed, ", "))
	case slices.Contains(available, name):
		return nil
	case p.situation.ModuleFile != nil && p.situation.ModuleFile(module):
		p.note("the congestion control %s is not loaded: the kernel loads its module %s when it is chosen", name, module)
		return nil
	}
	also := ""
	if len(allowed) > 0 {
		also = fmt.Sprintf(" (%s: %s)", allowedCongestionKey, strings.Join(allowed, ", "))
	}
	return fmt.Errorf("set %s to %q: this kernel has no such congestion control and there is no module %s; available are %s%s",
		congestionKey, name, module, strings.Join(available, ", "), also)
}

// names are the words of the live value of a key; nil if it is not known.
func (p *planner) names(key string) []string {
	v := p.live(sysctl.MustKey(key))
	if v == nil {
		return nil
	}
	return v.Fields()
}
