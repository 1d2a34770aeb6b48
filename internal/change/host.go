// SPDX-License-Identifier: Apache-2.0

package change

// A Host identifies the machine, the boot and the network namespace that a plan
// or a journal entry belongs to.
type Host struct {
	Hostname string `json:"hostname"`
	Kernel   string `json:"kernel"`            // uname -r
	BootID   string `json:"boot_id,omitempty"` // "" for a directory tree
	Netns    string `json:"netns,omitempty"`   // link text of /proc/self/ns/net
	Initial  *bool  `json:"initial,omitempty"` // whether Netns is the initial network namespace; nil if that could not be told
}

// SameBoot reports whether both are one boot of one machine. Two trees are not.
func (h Host) SameBoot(other Host) bool { return h.BootID != "" && h.BootID == other.BootID }

// SameNetns reports whether both are one network namespace of one boot.
func (h Host) SameNetns(other Host) bool {
	return h.SameBoot(other) && h.Netns != "" && h.Netns == other.Netns
}

// child reports whether h is known to be another than the initial network namespace,
// where /etc is usually the host's.
func (h Host) child() bool { return h.Initial != nil && !*h.Initial }

// countsFor reports whether what was done at h counts at now: in the same network
// namespace, in the initial one of another boot, or in a tree.
func (h Host) countsFor(now Host) bool {
	if h.BootID == "" && now.BootID == "" || h.SameNetns(now) {
		return true
	}
	return !h.SameBoot(now) && !now.child() && !h.child()
}
