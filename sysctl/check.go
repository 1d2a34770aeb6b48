// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Check returns why v must not be written to key: a wrong number of fields, numbers that
// are not plain decimal, out of range or in the wrong order, a malformed list, a key that
// the kernel no longer has. It is nil for a good value and for a key that the catalogue
// does not know.
//
// Check is stricter than the kernel, which stores much that it cannot use: a
// tcp_keepalive_time of -5, a tcp_rmem of 9000 500 100. So it is for values that
// somebody wants, not for those that were there before.
func (c *Catalogue) Check(key Key, v Value) error {
	p, ok := c.Lookup(key)
	if !ok {
		return nil
	}
	err := p.check(v)
	switch {
	case err == nil:
		return nil
	case p.Key.path == fastopenKey:
		return fmt.Errorf("set %s: %w", key, err) // the value is a secret
	}
	return fmt.Errorf("set %s to %s: %w", key, quote(string(v)), err)
}

// The keys that have rules of their own, as paths.
const (
	fastopenKey       = "net/ipv4/tcp_fastopen_key"
	unprivilegedPort  = "net/ipv4/ip_unprivileged_port_start"
	portRange         = "net/ipv4/ip_local_port_range"
	reservedPorts     = "net/ipv4/ip_local_reserved_ports"
	congestionControl = "net/ipv4/tcp_congestion_control"
	allowedCongestion = "net/ipv4/tcp_allowed_congestion_control"
)

func (p *Parameter) check(v Value) error {
	switch {
	case p.Removed != "":
		return fmt.Errorf("it was removed in Linux %s. %s", p.Removed, strings.TrimSuffix(p.Risk, "."))
	case p.Key.path == fastopenKey:
		_, err := parseFastopenKey(v)
		return err
	case strings.HasPrefix(p.Type, "string"):
		return p.checkNames(v)
	case strings.HasPrefix(p.Type, "port"):
		_, err := parsePorts(v)
		return err
	}
	return p.checkNumbers(v)
}

// checkNumbers checks a number or a vector of them.
func (p *Parameter) checkNumbers(v Value) error {
	if n := len(v.Fields()); p.Fields != 0 && n != p.Fields {
		return p.arityError(n)
	}
	ints, err := v.Ints()
	if err != nil {
		return err
	}
	bounds := p.bounds()
	for _, n := range ints {
		if n < bounds.min || n > bounds.max {
			return bounds.errorFor(n)
		}
		if err := p.checkMeaning(n); err != nil {
			return err
		}
	}
	if p.Fields > 1 && !slices.IsSorted(ints) {
		return fmt.Errorf("the %s must not decrease; the kernel takes any order and does not sort", p.fieldNames())
	}
	return nil
}

// arityError refuses a vector of the wrong length. The kernel takes it, changes the
// first fields and drops what is too much.
func (p *Parameter) arityError(n int) error {
	if p.Fields == 1 {
		return fmt.Errorf("it has %d fields, one is needed", n)
	}
	return fmt.Errorf("it has %d of %d fields; all are needed: %s", n, p.Fields, p.fieldNames())
}

// fieldNames says what the fields of a vector are.
func (p *Parameter) fieldNames() string {
	switch {
	case p.Key.path == portRange:
		return "first and last port"
	case p.Key.Short() == "tcp_mem":
		return "low, pressure and high mark"
	}
	return "minimum, default and maximum"
}

// checkMeaning refuses numbers that the kernel stores without giving them a meaning.
func (p *Parameter) checkMeaning(n int64) error {
	switch {
	case len(p.Values) == 0:
	case strings.HasSuffix(p.Type, "enum"):
		if _, ok := p.Values[int(n)]; !ok {
			return fmt.Errorf("%d is not one of %s", n, p.listValues())
		}
	case strings.HasSuffix(p.Type, "bitmap"):
		rest := n
		for bit := range p.Values {
			rest &^= int64(bit)
		}
		if rest != 0 {
			return fmt.Errorf("the bits %#x of %d mean nothing; those that do are %s", rest, n, p.listValues())
		}
	}
	return nil
}

// listValues returns the numbers that have a meaning, "0, 1, 2".
func (p *Parameter) listValues() string {
	var list []string
	for _, n := range slices.Sorted(maps.Keys(p.Values)) {
		list = append(list, strconv.Itoa(n))
	}
	return strings.Join(list, ", ")
}

// bounds is the range of each number of a value.
type bounds struct {
	min, max int64
	reason   string // of the tighter bound where the kernel has a wider one; may be empty
}

func (b bounds) errorFor(n int64) error {
	if b.reason != "" {
		return fmt.Errorf("%d is out of range, %d to %d is allowed: %s", n, b.min, b.max, b.reason)
	}
	return fmt.Errorf("%d is out of range, %d to %d is allowed", n, b.min, b.max)
}

// maxJiffies is INT_MAX/HZ for the largest HZ that Linux has, 1000: what every kernel
// takes for seconds that it stores as jiffies.
const maxJiffies = math.MaxInt32 / 1000

// bounds returns the range that makes sense: the kernel's, within the storage type and
// within the table of sense.
func (p *Parameter) bounds() bounds {
	b := p.storage()
	if p.Min != nil {
		b.min = *p.Min
	}
	if p.Max != nil {
		b.max = *p.Max
	}
	if strings.HasSuffix(p.Type, "bool") {
		b.max = 1
	}
	for _, s := range sense() {
		if s.path != p.Key.path {
			continue
		}
		if b.min, b.reason = s.min, s.reason; s.max != asKernel {
			b.max = s.max
		}
	}
	return b
}

// storage returns what the kernel's type of p holds, without negative numbers: where the
// kernel takes them from somebody it means nothing by them.
func (p *Parameter) storage() bounds {
	word, flavour, _ := strings.Cut(p.Type, " ")
	switch {
	case flavour == "jiffies":
		return bounds{max: maxJiffies, reason: "the kernel stores seconds as jiffies, and more does not fit everywhere"}
	case word == "u8":
		return bounds{max: math.MaxUint8}
	case word == "uint":
		return bounds{max: math.MaxUint32}
	case word == "ulong":
		return bounds{max: math.MaxInt64} // Ints has no larger numbers
	}
	return bounds{max: math.MaxInt32}
}

// asKernel as the upper bound of a sensible range means the kernel's.
const asKernel = -1

// A sensible range is tighter than what the kernel takes.
type sensible struct {
	path     string // of the catalogue's key
	min, max int64
	reason   string
}

// sense returns the sensible ranges. The reasons stand in catalogue.yaml at greater
// length.
func sense() []sensible {
	const timeout = "net/netfilter/nf_conntrack_tcp_timeout_"
	const dropped = "0 drops live connections"
	return []sensible{
		{"net/core/netdev_budget", 1, asKernel, "less lets no packet in"},
		{"net/core/netdev_max_backlog", 1, asKernel, "less drops everything on that path"},
		{"net/core/somaxconn", 1, asKernel, "0 leaves no accept queue"},
		{"net/ipv4/conf/*/rp_filter", 0, 2, "0 is off, 1 strict, 2 loose"},
		{"net/ipv4/ip_no_pmtu_disc", 0, 3, "larger numbers mean nothing"},
		{portRange, 1, math.MaxUint16, "they are port numbers"},
		{unprivilegedPort, 0, math.MaxUint16, "it is a port number"},
		{"net/ipv4/tcp_base_mss", 48, math.MaxUint16, "the kernel takes any number, and no segment is smaller or larger"},
		{"net/ipv4/tcp_fin_timeout", 0, 60, "above 60 an orphan in FIN_WAIT_2 lives 2*(value-60) seconds, 20 of 70; TIME_WAIT is 60 s whatever this is"},
		{"net/ipv4/tcp_frto", 0, 2, "larger numbers mean nothing"}, // the default is 2
		{"net/ipv4/tcp_keepalive_intvl", 1, maxJiffies, "0 and less send probes without a pause"},
		{"net/ipv4/tcp_keepalive_probes", 1, asKernel, "0 ends a connection without asking the peer"},
		{"net/ipv4/tcp_keepalive_time", 1, maxJiffies, "0 and less send probes without a pause"},
		{"net/ipv4/tcp_limit_output_bytes", 1, asKernel, "less throttles every connection"},
		{"net/ipv4/tcp_max_orphans", 1, asKernel, "0 and less reset closed connections that have unsent data"},
		{"net/ipv4/tcp_max_syn_backlog", 1, asKernel, "0 and less drop SYNs of unknown peers when cookies are off"},
		{"net/ipv4/tcp_max_tw_buckets", 1, asKernel, "0 and less leave out TIME_WAIT, which protects the next connection from old segments"},
		{"net/ipv4/tcp_mem", 1, asKernel, "0 keeps all of TCP under memory pressure"},
		{"net/ipv4/tcp_probe_interval", 0, math.MaxUint32 / 1000, "the kernel stores seconds as jiffies, and more does not fit everywhere"},
		{timeout + "close", 1, maxJiffies, dropped},
		{timeout + "close_wait", 1, maxJiffies, dropped},
		{timeout + "established", 1, maxJiffies, dropped},
		{timeout + "fin_wait", 1, maxJiffies, dropped},
		{timeout + "last_ack", 1, maxJiffies, dropped},
		{timeout + "max_retrans", 1, maxJiffies, dropped},
		{timeout + "syn_recv", 1, maxJiffies, dropped},
		{timeout + "syn_sent", 1, maxJiffies, dropped},
		{timeout + "time_wait", 1, maxJiffies, dropped},
		{timeout + "unacknowledged", 1, maxJiffies, dropped},
	}
}
