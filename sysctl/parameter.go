// SPDX-License-Identifier: Apache-2.0

package sysctl

// A Parameter is what is known about one kernel parameter, or about one per network
// interface when Key is a pattern. The bounds hold for Linux 6.18, the rest for
// mainline Linux unless a version is named; stable kernels carry backports, so the
// kernel at hand is the judge. An empty text means that there is nothing to say.
type Parameter struct {
	Key   Key
	Topic string // "time_wait", "memory": groups parameters for people
	// Type is the kernel's storage and handler: "u8 bool", "int jiffies", "ulong x3",
	// "string list". catalogue.yaml lists the words.
	Type   string
	Fields int    // fields in a value; 0 means any number, none included
	Unit   string // of the number as written to the file: "s", "ms", "bytes", "pages"

	// Min and Max bound each number; the kernel answers EINVAL outside. Nil means that
	// it enforces none or no fixed one, which the notes explain.
	Min     *int64
	MinNote string
	Max     *int64
	MaxNote string
	Values  map[int]string // meaning of single values, or of bits for a bitmap

	Default   string    // the kernel's, newest first
	Defaults  []Default // the same as data; none where it depends on the machine, see DefaultOn
	Since     string    // first release with the key: "6.14", "<=2.6.11", "3.15/3.16"
	SinceNote string
	Removed   string // first release without the key; "" if it is still there

	Scope      Scope
	NetnsSince string // first release in which Scope holds, ScopeHost before; "" for all that matter
	NetnsNote  string
	// ChildView is what a process in another than the initial network namespace finds:
	// "writable", "read-only", "absent" or "global" (the same file as on the host).
	ChildView     string
	ChildViewNote string

	AppliesTo    string // the sockets or events that a change reaches
	Summary      string
	Myth         string // common wrong advice and its correction
	Interactions string // keys, socket options and counters to look at together
	Risk         string // what goes wrong with bad values
	Source       []string
}

// A Scope says how far one value reaches.
type Scope string

// The scopes.
const (
	ScopeNetns   Scope = "netns"   // one value per network namespace
	ScopeHost    Scope = "host"    // one value for the machine
	ScopeVisible Scope = "visible" // one for the machine; other network namespaces see it and cannot change it
)
