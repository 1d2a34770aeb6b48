// SPDX-License-Identifier: Apache-2.0

package facts

import "testing"

func TestNeedsWindow(t *testing.T) {
	for name, want := range map[string]bool{
		"rate.ListenDrops": true, "delta.OutSegs": true, "window.seconds": true, "machine.softnet_dropped": true,
		"listeners.drops": true, "listeners.queue_before": true, "conntrack.drops": true, "processes.close_wait_growth": true,
		"listeners.drops_total": false, "listeners.backlog": false, "total.ListenDrops": false, "machine.orphans": false,
		"conntrack.count": false, `sysctl("net.core.somaxconn")`: false, "listeners": false, "": false, "files.x": false, "nothing.x": false,
	} {
		if got := NeedsWindow(name); got != want {
			t.Errorf("NeedsWindow(%q): want %v, got %v", name, want, got)
		}
	}
}
