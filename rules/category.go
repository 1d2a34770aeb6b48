// SPDX-License-Identifier: Apache-2.0

package rules

import "slices"

// A Category is a group of rules about one part of the TCP stack.
type Category struct {
	Name string
	Core bool // see Core
	Doc  string
}

// Categories are all categories, in the order in which the documentation
// shows them.
func Categories() []Category {
	return []Category{
		{"time-wait", true, "TIME_WAIT sockets and the settings that people change because of them"},
		{"ephemeral-ports", true, "local ports of outgoing connections"},
		{"close-wait", true, "connections that the peer closed and our program did not; file descriptors"},
		{"syn", true, "half-open connections, SYN floods, connections that get no answer"},
		{"accept-queue", true, "connections that wait for accept()"},
		{"orphan", false, "sockets that no process holds any more"},
		{"memory", false, "memory that TCP holds"},
		{"buffers", false, "send and receive buffers and their auto-tuning"},
		{"retransmit", false, "loss, retransmissions, timeouts and resets"},
		{"keepalive", false, "idle connections and dead peers"},
		{"conntrack", false, "the connection tracking table"},
		{"softnet", false, "packets dropped between the network card and the socket"},
		{"congestion", false, "congestion control and queueing disciplines"},
		{"hardening", false, "settings that protect"},
		{"config-files", false, "sysctl.d files against the running kernel"},
		{"myth", false, "settings from articles that do nothing, or harm"},
	}
}

// Core reports whether a category is one of those that must be judged in full
// before a report says that it found no problem.
func Core(category string) bool {
	return slices.ContainsFunc(Categories(), func(c Category) bool { return c.Name == category && c.Core })
}

func categoryNames() []string {
	var names []string
	for _, c := range Categories() {
		names = append(names, c.Name)
	}
	return names
}
