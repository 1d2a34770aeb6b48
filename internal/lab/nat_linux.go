// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Triple is a client that reaches a server through a gateway. The gateway
// translates addresses (masquerading) and lets nothing pass that belongs to no
// connection it knows: a connection that it has forgotten is dead without any
// error, as behind a NAT gateway or a stateful firewall of a cloud.
type Triple struct {
	Client, Gateway, Server *Host
	ClientAddress           netip.Addr // 198.18.1.1
	GatewayAddress          netip.Addr // 198.18.2.1, which the server sees
	ServerAddress           netip.Addr // 198.18.2.2
}

// NewTriple makes three hosts. The gateway's eth0 is on the client's side and
// its eth1 on the server's.
//
// Where the kernel has no nf_tables or no connection tracking, or not yet, the
// test is skipped, or fails when TCPTUNE_REQUIRE contains "nftables".
func NewTriple(t testing.TB) *Triple {
	t.Helper()
	return NewTripleVia(t, NewHost(t, "gateway"))
}

// NewTripleVia is [NewTriple] with a gateway that exists, such as a [Machine].
// Its interfaces have the next two numbers.
func NewTripleVia(t testing.TB, gateway *Host) *Triple {
	t.Helper()
	outer := fmt.Sprintf("eth%d", gateway.interfaces+1)
	n := &Triple{
		Client:         NewHost(t, "client"),
		Gateway:        gateway,
		Server:         NewHost(t, "server"),
		ClientAddress:  netip.AddrFrom4([4]byte{198, 18, 1, 1}),
		GatewayAddress: netip.AddrFrom4([4]byte{198, 18, 2, 1}),
		ServerAddress:  netip.AddrFrom4([4]byte{198, 18, 2, 2}),
	}
	inner := netip.AddrFrom4([4]byte{198, 18, 1, 2})
	Join(t, n.Client, netip.PrefixFrom(n.ClientAddress, 24), n.Gateway, netip.PrefixFrom(inner, 24))
	Join(t, n.Gateway, netip.PrefixFrom(n.GatewayAddress, 24), n.Server, netip.PrefixFrom(n.ServerAddress, 24))
	n.Client.Route(t, netip.PrefixFrom(netip.IPv4Unspecified(), 0), inner)
	if err := n.Gateway.translate(t, outer); err != nil {
		if isUnsupported(err) {
			Unavailable(t, "nftables", err)
		}
		t.Fatalf("gateway: %v", err)
	}
	n.Gateway.Sysctl(t, "net.ipv4.ip_forward", "1")
	// Otherwise a segment out of the middle of nowhere begins a connection.
	n.Gateway.Sysctl(t, "net.netfilter.nf_conntrack_tcp_loose", "0")
	return n
}

// Target is a port of the server's address.
func (n *Triple) Target(port uint16) netip.AddrPort { return netip.AddrPortFrom(n.ServerAddress, port) }

// isUnsupported tells whether a kernel lacks nf_tables or a part of it: no
// netlink family, no such table family or expression, or no sysctls of
// connection tracking.
func isUnsupported(err error) bool {
	for _, errno := range []unix.Errno{unix.EPROTONOSUPPORT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT, unix.ENOENT, unix.EINVAL} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return errors.Is(err, fs.ErrNotExist)
}

// translate makes the host a gateway whose outer side is the interface.
func (h *Host) translate(t testing.TB, outer string) error {
	conn, err := nftables.New(nftables.WithNetNSFd(int(h.netns.Fd())))
	if err != nil {
		return fmt.Errorf("open nf_tables: %w", err)
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "lab"})
	postrouting := conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	// oifname OUTER masquerade
	conn.AddRule(&nftables.Rule{Table: table, Chain: postrouting, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: interfaceName(outer)},
		&expr.Masq{},
	}})
	forward := conn.AddChain(&nftables.Chain{
		Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	// ct state invalid drop
	conn.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: append(
		connectionState(expr.CtStateBitINVALID), &expr.Verdict{Kind: expr.VerdictDrop},
	)})
	// ct state new tcp flags & (fin|syn|rst|ack) != syn drop
	conn.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: append(
		connectionState(expr.CtStateBitNEW),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{0x17}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0x02}},
		&expr.Verdict{Kind: expr.VerdictDrop},
	)})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("load nf_tables rules: %w", err)
	}
	if h.machine { // which outlives the test
		t.Cleanup(func() {
			conn.DelTable(table)
			if err := conn.Flush(); err != nil {
				t.Errorf("%s: remove nf_tables rules: %v", h.Name, err)
			}
			h.ForgetConnections(t)
		})
	}
	return h.Do(func() error {
		_, err := os.Stat("/proc/sys/net/netfilter/nf_conntrack_tcp_loose")
		return err
	})
}

// ForgetConnections empties the host's connection tracking table.
func (h *Host) ForgetConnections(t testing.TB) {
	t.Helper()
	err := h.Do(func() error { return netlink.ConntrackTableFlush(netlink.ConntrackTable) })
	if err != nil {
		t.Fatalf("%s: empty the connection tracking table: %v", h.Name, err)
	}
}

// connectionState matches packets whose connection is in one of the states.
func connectionState(bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// interfaceName is a name as the kernel compares it, IFNAMSIZ bytes.
func interfaceName(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}
