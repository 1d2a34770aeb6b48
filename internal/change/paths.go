// SPDX-License-Identifier: Apache-2.0

package change

// DefaultDropIn is the file that tcptune writes, as seen from inside the root.
const DefaultDropIn = "/etc/sysctl.d/90-tcptune.conf"

// Paths are the places that a Machine uses, all below Root.
type Paths struct {
	Root    string // "/" for the live host
	DropIn  string // inside the root: DefaultDropIn or what --file says
	Lock    string // inside the root: /run/tcptune/lock
	Journal string // inside the root: /var/lib/tcptune/journal
}

// NewPaths returns the places below root; dropIn "" stands for DefaultDropIn.
func NewPaths(root, dropIn string) Paths {
	if root == "" {
		root = "/"
	}
	if dropIn == "" {
		dropIn = DefaultDropIn
	}
	return Paths{Root: root, DropIn: dropIn, Lock: "/run/tcptune/lock", Journal: "/var/lib/tcptune/journal"}
}
