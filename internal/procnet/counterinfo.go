// SPDX-License-Identifier: Apache-2.0

package procnet

//go:generate go run ./internal/gen

// A CounterInfo is what is known about one counter: an entry of counters.yaml. Facts
// hold for mainline Linux, function names are those of Linux 6.18.
type CounterInfo struct {
	Name string // as the kernel prints it: "ListenOverflows"
	// Family holds the names that the texts below are about, in their order and with
	// Name among them; nil if they are about Name alone.
	Family []string
	File   string // "/proc/net/netstat"
	// Section is the word in front of the name: the prefix of its line ("TcpExt"), or
	// the base name of a file without sections ("softnet_stat").
	Section string
	Column  int    // column number, from 1, in softnet_stat; 0 in files that print names
	Scope   string // "netns", or "machine": the whole machine also when read in a container
	Since   string // first release: "6.14", "<=2.6.11", "3.2-3.10"
	Removed string // first release without it; "" if it is still there

	IncrementedBy string // kernel functions and conditions
	Meaning       string // what the number says
	Tuning        string // what to do or to check when it grows
}

// Key returns the name that [Counters] and [Sockstat] use: "TcpExt.ListenOverflows".
func (c CounterInfo) Key() string { return c.Section + "." + c.Name }

// CounterInfos returns all that counters.yaml knows, in its order. It takes a few
// microseconds; nothing is loaded before it is called.
func CounterInfos() []CounterInfo { return table() }

// LookupCounter returns what is known about a counter, by key ("TcpExt.ListenOverflows",
// "TCP.inuse") or by name alone where only one section has it.
func LookupCounter(name string) (CounterInfo, bool) {
	var found []CounterInfo
	for _, info := range table() {
		if info.Key() == name {
			return info, true
		}
		if info.Name == name {
			found = append(found, info)
		}
	}
	if len(found) != 1 {
		return CounterInfo{}, false
	}
	return found[0], true
}
