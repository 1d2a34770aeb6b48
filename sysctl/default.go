// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// A Default is the value that kernels from Since on give a parameter by themselves; an
// empty Since stands for all that are older than the Default before it in a list.
type Default struct {
	Since string
	Value Value
}

// A Host is what default values follow from. A zero field is unknown.
type Host struct {
	Release     string // uname -r
	Machine     string // uname -m
	MemoryBytes int64  // MemTotal of /proc/meminfo
	PageBytes   int64
	// HashBuckets is net.ipv4.tcp_ehash_entries as the network namespace shows it: negative
	// where it shares the machine's table.
	HashBuckets int64
}

// A HostDefault is the default of a parameter on one host.
type HostDefault struct {
	Value Value
	// About says that the kernel computed the value from the memory that was free when it
	// started, which nobody can read later: Value is up to a few per cent off.
	About bool
}

// Matches reports whether a live value is the default, as far as that can be told.
func (d HostDefault) Matches(live Value) bool {
	if !d.About || d.Value.Equal(live) {
		return d.Value.Equal(live)
	}
	have, err := live.Ints()
	want, err2 := d.Value.Ints()
	if err != nil || err2 != nil || len(have) != len(want) {
		return false
	}
	for i := range want {
		if off := have[i] - want[i]; max(off, -off) > want[i]/16 {
			return false
		}
	}
	return true
}

// DefaultOn returns the value that the kernel of a host gives the parameter at boot and,
// where a network namespace has its own, in a new one; tcp_rmem and tcp_wmem of a new
// namespace are copies of the initial one's. It is false where the value is a choice of
// the build, where something that it follows from is unknown, and where the catalogue
// does not settle it for that kernel.
func (p *Parameter) DefaultOn(h Host) (HostDefault, bool) {
	if p.Key.Glob() {
		return HostDefault{}, false // a new interface copies the namespace's
	}
	if value, known, computed := h.computed(p.Key.String()); computed {
		return value, known
	}
	for _, d := range p.Defaults {
		switch reached, known := h.atLeast(d.Since); {
		case !known:
			return HostDefault{}, false
		case reached:
			return HostDefault{Value: d.Value}, true
		}
	}
	return HostDefault{}, false
}

// atLeast reports whether the host's kernel has what came with a release; every kernel
// has what came with none.
func (h Host) atLeast(since string) (reached, known bool) {
	if since == "" {
		return true, true
	}
	have, ok := ParseRelease(h.Release)
	want, ok2 := ParseRelease(since)
	if !ok || !ok2 {
		return false, false
	}
	reached = have.AtLeast(want)
	// Red Hat's kernels keep their number while they take over what is newer.
	return reached, reached || !strings.Contains(h.Release, ".el")
}

func (h Host) is(since string) bool {
	reached, known := h.atLeast(since)
	return known && reached
}

func (h Host) isOlder(than string) bool {
	reached, known := h.atLeast(than)
	return known && !reached
}

// computed returns the defaults that follow from the machine; the last result says
// whether the key has one.
func (h Host) computed(key string) (value HostDefault, known, computed bool) {
	switch key {
	case "net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_max_orphans":
		value, known = h.hashShare(2, 0)
	case "net.ipv4.tcp_max_syn_backlog":
		switch {
		case h.is("5.4"):
			value, known = h.hashShare(128, 128)
		case h.isOlder("5.4"):
			value, known = h.hashShare(256, 128)
		}
	case "net.ipv4.tcp_mem":
		value, known = h.tcpMem()
	case "net.ipv4.tcp_rmem":
		value, known = h.tcpRmem()
	case "net.ipv4.tcp_wmem":
		value, known = h.bufferLimits(16384, 64<<10, 4<<20)
	case "net.core.rmem_max", "net.core.wmem_max":
		if h.is("6.18") {
			return exactly(4 << 20), true, true
		}
		value, known = exactly(oldBuffer), h.isOlder("6.18") && h.is(oldestBuffer) && h.cacheLine64()
	case "net.core.rmem_default", "net.core.wmem_default":
		value, known = exactly(oldBuffer), h.is(oldestBuffer) && h.cacheLine64()
	case "net.core.optmem_max":
		if h.is("6.8") {
			return exactly(128 << 10), true, true
		}
		value, known = exactly(20480), h.isOlder("6.8") && h.is64()
	case "net.core.mem_pcpu_rsv":
		if h.PageBytes > 0 {
			value, known = exactly((1<<20)/h.PageBytes), true
		}
	case "net.netfilter.nf_conntrack_buckets", "net.netfilter.nf_conntrack_max":
		value, known = h.conntrackBuckets()
	default:
		return HostDefault{}, false, false
	}
	return value, known, true
}

func exactly(n int64) HostDefault {
	return HostDefault{Value: Value(strconv.FormatInt(n, 10))}
}

const (
	// oldBuffer is 256 packets of 256 bytes with all that the kernel keeps for each, on
	// machines with cache lines of 64 bytes (include/net/sock.h: SK_RMEM_MAX).
	oldBuffer    = 212992
	oldestBuffer = "3.10" // older ones had other structures
)

// cacheLine64 tells machines whose kernel aligns to 64 bytes.
func (h Host) cacheLine64() bool {
	return h.Machine == "x86_64" || h.Machine == "aarch64" || h.Machine == "riscv64"
}

// is64 tells machines with 64-bit kernels: all of their memory is low memory.
func (h Host) is64() bool {
	return strings.Contains(h.Machine, "64") || h.Machine == "s390x"
}

// hashShare is one of so many buckets of the hash of established connections (Linux
// 3.0: net/ipv4/tcp.c, tcp_init; net/ipv4/tcp_ipv4.c, tcp_set_hashinfo).
func (h Host) hashShare(part, least int64) (HostDefault, bool) {
	buckets, ok := h.hashBuckets()
	if !ok || !h.is("3.0") {
		return HostDefault{}, false
	}
	return exactly(max(least, buckets/part)), true
}

// hashBuckets is what tcp_ehash_entries says; before it came (Linux 6.1), one bucket for
// each 128 KiB of memory, rounded up to a power of two, at most 524288. The kernel counted
// what it took for itself, which MemTotal leaves out: close below a power of two nobody
// can tell.
func (h Host) hashBuckets() (int64, bool) {
	if h.HashBuckets != 0 {
		return max(h.HashBuckets, -h.HashBuckets), true
	}
	if !h.isOlder("6.1") || !h.is64() || h.MemoryBytes <= 0 {
		return 0, false
	}
	least, most := bucketsFor(h.MemoryBytes), bucketsFor(h.MemoryBytes+h.MemoryBytes/64)
	return least, least == most
}

// bucketsFor is mm/mm_init.c, alloc_large_system_hash, for one bucket in 128 KiB.
func bucketsFor(memory int64) int64 {
	const most = 512 << 10
	n := (memory + 128<<10 - 1) / (128 << 10)
	return min(most, int64(1)<<bits.Len64(uint64(n-1)))
}

// tcpMem is 3/4, 1 and 3/2 of a sixteenth of the memory, in pages (Linux 4.2:
// net/ipv4/tcp.c, tcp_init_mem).
func (h Host) tcpMem() (HostDefault, bool) {
	if !h.is("4.2") || !h.is64() || h.MemoryBytes <= 0 || h.PageBytes <= 0 {
		return HostDefault{}, false
	}
	limit := max(128, h.MemoryBytes/h.PageBytes/16)
	low := limit / 4 * 3
	return HostDefault{Value: Value(fmt.Sprintf("%d %d %d", low, limit, 2*low)), About: true}, true
}

func (h Host) tcpRmem() (HostDefault, bool) {
	middle, most := int64(131072), int64(32<<20)
	switch {
	case h.is("6.16"):
	case h.isOlder("6.16") && h.is("4.20"):
		most = 6 << 20
	case h.isOlder("4.20") && h.is("3.10"):
		middle, most = 87380, 6<<20
	default:
		return HostDefault{}, false
	}
	return h.bufferLimits(middle, middle, most)
}

// bufferLimits are those of tcp_rmem and tcp_wmem: a page, the middle value, and a 128th
// of the memory between least and most (net/ipv4/tcp.c, tcp_init).
func (h Host) bufferLimits(middle, least, most int64) (HostDefault, bool) {
	if h.PageBytes != 4096 || !h.is64() || h.MemoryBytes <= 0 || !h.is("3.10") {
		return HostDefault{}, false
	}
	share := h.MemoryBytes / 128
	return HostDefault{
		Value: Value(fmt.Sprintf("4096 %d %d", middle, min(most, max(least, share)))),
		About: least < share && share-share/16 < most, // the kernel divided what was free then
	}, true
}

// conntrackBuckets is the size of the hash of connection tracking, which the limit
// equals (Linux 5.15: net/netfilter/nf_conntrack_core.c, nf_conntrack_init_start).
func (h Host) conntrackBuckets() (HostDefault, bool) {
	if !h.is("5.15") || !h.is64() || h.MemoryBytes <= 0 {
		return HostDefault{}, false
	}
	switch memory := h.MemoryBytes; {
	case memory > 4<<30:
		return exactly(262144), true
	case memory > 1<<30:
		return exactly(65536), true
	default:
		value := exactly(max(1024, memory/16384/8))
		value.About = memory/16384/8 > 1024
		return value, true
	}
}
