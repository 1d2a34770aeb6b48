// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
)

// numbers lists the measured values that prove that nothing is to be tuned.
// What is unknown is left out.
func numbers(f *facts.Facts) []string {
	var list []string
	if d := f.Delta; d != nil && d.ListenOverflows != nil {
		list = append(list, fmt.Sprintf("%s accept queue overflows", thousands(*d.ListenOverflows)))
	}
	if d := f.Delta; d != nil && d.OutSegs != nil && d.RetransSegs != nil {
		list = append(list, fmt.Sprintf("%s retransmitted", percent(*d.RetransSegs, *d.OutSegs)))
	}
	if p := f.Ports; p != nil && p.MaxUse != nil && p.Exact != nil {
		use := percentage(100 * *p.MaxUse)
		if !*p.Exact && !strings.HasPrefix(use, "under") {
			use = "at most " + use
		}
		list = append(list, use+" of the local ports in use to one destination")
	}
	if limit, ok := f.Sysctl("net.ipv4.tcp_mem", 2); ok && f.Machine != nil && f.Machine.TCPMemoryPages != nil {
		list = append(list, percent(*f.Machine.TCPMemoryPages, limit)+" of tcp_mem")
	}
	if c := f.Conntrack; c != nil && c.Count != nil && c.Max != nil && *c.Max > 0 {
		list = append(list, percent(*c.Count, *c.Max)+" of the conntrack table")
	}
	return list
}

// percent words a share with two digits.
func percent(part, whole int64) string {
	if whole == 0 {
		return "0%"
	}
	return percentage(100 * float64(part) / float64(whole))
}

func percentage(share float64) string {
	switch {
	case share > 0 && share < 0.1: // more digits would say no more
		return "under 0.1%"
	case share >= 99.5: // %.2g would write 1e+02
		return fmt.Sprintf("%.0f%%", share)
	}
	return fmt.Sprintf("%.2g%%", share)
}
