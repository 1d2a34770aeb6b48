// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"regexp"
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
	if line.Exists != nil && *line.Exists {
		return "exists", "", ""
	}
	key, err := sysctl.ParseKey(line.Key)
	if err != nil {
		return "unknown", err.Error(), ""
	}
	p, known := c.catalogue.Lookup(key)
	if known && c.atLeast(p.Removed) {
		return "removed", "removed in Linux " + p.Removed, ""
	}
	if gone, ok := removedKeys[line.Key]; ok && c.atLeast(gone) {
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
		return "host-only", "exists in the initial network namespace only", ""
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
	if c.child() && strings.HasPrefix(key, "net.") {
		return "unread", "the key may exist in the initial network namespace only", ""
	}
	if suggestions := c.catalogue.Suggest(key); len(suggestions) > 0 && near(key, suggestions[0]) {
		return "typo", "did you mean " + suggestions[0] + "?", suggestions[0]
	}
	return "unknown", "this kernel has no such key", ""
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
	"net.ipv4.ip_conntrack_max":     "renamed: net.netfilter.nf_conntrack_max",

	"net.ipv4.netfilter.ip_conntrack_max":                     "renamed: net.netfilter.nf_conntrack_max",
	"net.ipv4.netfilter.ip_conntrack_tcp_timeout_established": "renamed: net.netfilter.nf_conntrack_tcp_timeout_established",
	"net.ipv4.netfilter.ip_conntrack_tcp_timeout_time_wait":   "renamed: net.netfilter.nf_conntrack_tcp_timeout_time_wait",
	"net.ipv4.netfilter.ip_conntrack_tcp_timeout_close_wait":  "renamed: net.netfilter.nf_conntrack_tcp_timeout_close_wait",
	"net.ipv4.netfilter.ip_conntrack_tcp_timeout_fin_wait":    "renamed: net.netfilter.nf_conntrack_tcp_timeout_fin_wait",
}

// near reports whether two keys differ by one or two letters.
func near(a, b string) bool { return nearest.Distance(a, b) <= 2 }
