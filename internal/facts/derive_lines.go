// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/nearest"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// lines derives one fact per active line of the sysctl files.
func (d *derivation) lines(catalogue *sysctl.Catalogue) {
	if !d.to.LinesRead {
		return
	}
	c := classifier{facts: d.facts, catalogue: catalogue}
	d.facts.Lines = []*Line{}
	for _, in := range d.to.Lines {
		if in.Exclude {
			continue // takes a key out of patterns: it sets nothing
		}
		l := &Line{
			File: in.File, Number: int64(in.Number), Address: address(in.File, in.Number),
			Key: in.Key, Value: in.Value, Ignored: in.Ignored,
		}
		l.Status, l.Note, l.Nearest = c.classify(in)
		d.facts.Lines = append(d.facts.Lines, l)
	}
	d.facts.Files = NewFiles(d.facts.Lines)
}

// classifier tells why a key of a file does not exist on the host.
type classifier struct {
	facts     *Facts
	catalogue *sysctl.Catalogue
}

// classify returns the status of a line as the vocabulary describes it.
func (c *classifier) classify(line snapshot.Line) (status, note, meant string) {
	if line.Glob {
		return "pattern", "", ""
	}
	key, err := sysctl.ParseKey(line.Key)
	if err != nil {
		return "unknown", err.Error(), ""
	}
	p, known := c.catalogue.Lookup(key)
	if line.Exists != nil && *line.Exists {
		if known && c.readOnly(p) {
			return "read-only", "only the initial network namespace can change it", ""
		}
		return "exists", "", ""
	}
	if known && c.atLeast(p.Removed) {
		return "removed", "removed in Linux " + p.Removed, ""
	}
	if gone, ok := goneKey(line.Key); ok && c.atLeast(gone) {
		return "removed", gone, ""
	}
	if line.Exists == nil {
		return "unread", "no live /proc/sys to look in", ""
	}
	if known {
		return c.missing(line.Key, p)
	}
	return c.stranger(line.Key)
}

// missing says why a key that the catalogue knows is not there.
func (c *classifier) missing(key string, p *sysctl.Parameter) (status, note, meant string) {
	switch {
	case c.older(p.Since):
		return "too-new", "needs Linux " + firstVersion(p.Since) + ", this is " + c.facts.Kernel.Release, ""
	case c.child() && p.ChildView == "absent":
		return "host-only", hostOnlyNote, ""
	case c.needsModule(key):
		return "module", "the kernel module behind it is not loaded", ""
	case p.Key.Glob():
		return "no-interface", "there is no such interface now", ""
	}
	return "unknown", "this kernel has no such key", ""
}

// stranger says why a key that is not in the catalogue is not there.
func (c *classifier) stranger(key string) (status, note, meant string) {
	if c.needsModule(key) {
		return "module", "the kernel module behind it is not loaded", ""
	}
	if c.child() && hostOnly(key) {
		return "host-only", hostOnlyNote, ""
	}
	if suggestions := c.catalogue.Suggest(key); len(suggestions) > 0 && near(key, suggestions[0]) {
		return "typo", "did you mean " + suggestions[0] + "?", suggestions[0]
	}
	if c.child() && strings.HasPrefix(key, "net.") {
		return "unread", "the key may exist in the initial network namespace only", ""
	}
	return "unknown", "this kernel has no such key", ""
}

// hostOnlyNote is what is known about a key with the status host-only.
const hostOnlyNote = "exists in the initial network namespace only"

// readOnly reports whether a key can be changed on the host and not here. Before Linux
// 5.12 a namespace could change those of connection tracking.
func (c *classifier) readOnly(p *sysctl.Parameter) bool {
	conntrack := strings.HasPrefix(p.Key.Path(), "net/netfilter/")
	return c.child() && p.ChildView == "read-only" && !strings.HasPrefix(p.AppliesTo, "read-only") && (!conntrack || c.atLeast("5.12"))
}

// hostOnly reports whether a key that the catalogue does not list is one of the initial
// network namespace: those that Linux 6.18 lacks in another one.
func hostOnly(name string) bool {
	key, err := sysctl.ParseKey(name)
	return err == nil && slices.ContainsFunc([]string{
		"net.core.bpf_jit_*", "net.core.dev_weight_*x_bias", "net.core.devconf_inherit_init_net", "net.core.fb_tunnels_only_for_init_net",
		"net.core.flow_limit_*", "net.core.gro_normal_batch", "net.core.high_order_alloc_disable", "net.core.max_skb_frags", "net.core.message_*",
		"net.core.netdev_*", "net.core.warnings", "net.ipv4.cipso_*", "net.ipv4.fib_sync_mem", "net.ipv4.inet_peer_*",
		"net.ipv4.ipfrag_secret_interval", "net.ipv4.route.*", "net.ipv4.udp_mem", "net.ipv6.calipso_*", "net.ipv6.ip6frag_secret_interval",
		"net.ipv6.mld_max_msf", "net.ipv6.mld_qrv", "net.netfilter.nf_log_all_netns", "net.nf_conntrack_max",
	}, func(pattern string) bool { return sysctl.MustKey(pattern).Match(key) })
}

// child reports whether the network namespace is known not to be the initial
// one.
func (c *classifier) child() bool {
	initial := c.facts.Netns.Initial
	return initial != nil && !*initial
}

// needsModule reports whether a key that is not there is one of a module that
// may not be loaded.
func (c *classifier) needsModule(key string) bool {
	if strings.HasPrefix(key, "net.netfilter.nf_conntrack_") {
		conntrack := c.facts.Conntrack
		return conntrack == nil || conntrack.Loaded == nil || !*conntrack.Loaded
	}
	return strings.HasPrefix(key, "net.netfilter.") || strings.HasPrefix(key, "net.bridge.")
}

// atLeast reports whether the kernel is known to be the version that text
// names, or newer. No version in text stands for one of long ago.
func (c *classifier) atLeast(text string) bool {
	reached, known := c.compare(text)
	return known && reached
}

// older reports whether the kernel is known to be older than the version that
// text names.
func (c *classifier) older(text string) bool {
	reached, known := c.compare(text)
	return known && !reached
}

func (c *classifier) compare(text string) (reached, known bool) {
	version := firstVersion(text)
	if version == "" {
		return true, text != ""
	}
	if c.facts.Kernel == nil {
		return false, false
	}
	return c.facts.Kernel.AtLeast(version)
}

var versionPattern = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)?`)

// firstVersion is the earliest version of "6.14", "<=2.6.11", "3.15/3.16".
func firstVersion(s string) string { return versionPattern.FindString(s) }

// removedKeys are keys that later kernels dropped and that the catalogue of
// parameters does not list, as they are of no other interest. Their versions
// are those that their removal is attributed to; it was not measured.
var removedKeys = map[string]string{
	"net.ipv4.tcp_frto_response":    "removed in Linux 3.10",
	"net.ipv4.tcp_cookie_size":      "removed in Linux 3.9",
	"net.ipv4.tcp_abc":              "removed in Linux 3.9",
	"net.ipv4.tcp_max_ssthresh":     "removed in Linux 3.9",
	"net.ipv4.tcp_thin_dupack":      "removed in Linux 4.11",
	"net.ipv4.tcp_vegas_cong_avoid": "it never was in the mainline kernel since 2.6.13",
}

// goneKey says what became of a key that kernels once had. Those of ip_conntrack have new
// names.
func goneKey(name string) (what string, ok bool) {
	if what, ok = removedKeys[name]; ok {
		return what, true
	}
	rest, old := strings.CutPrefix(name, "net.ipv4.netfilter.ip_conntrack_")
	if !old {
		rest, old = strings.CutPrefix(name, "net.ipv4.ip_conntrack_")
	}
	return "renamed: net.netfilter.nf_conntrack_" + rest, old
}

// near reports whether two keys differ by one or two letters.
func near(a, b string) bool { return nearest.Distance(a, b) <= 2 }
