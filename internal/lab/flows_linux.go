// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Flow is an established connection of a host with what the kernel knows of
// it, struct tcp_info of include/uapi/linux/tcp.h.
type Flow struct {
	Local, Remote netip.AddrPort
	netlink.TCPInfo
}

// Flows returns the host's established IPv4 connections to or from a port.
func (h *Host) Flows(t testing.TB, port uint16) []Flow {
	t.Helper()
	var flows []Flow
	err := h.Do(func() error {
		list, err := netlink.SocketDiagTCPInfo(unix.AF_INET)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("list sockets: %w", err)
		}
		for _, s := range list {
			id := s.InetDiagMsg.ID
			if State(s.InetDiagMsg.State) != Established || s.TCPInfo == nil || id.SourcePort != port && id.DestinationPort != port {
				continue
			}
			flows = append(flows, Flow{addrPort(id.Source, id.SourcePort), addrPort(id.Destination, id.DestinationPort), *s.TCPInfo})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	return flows
}

// Goodput is how many bytes a second the host receives over its established
// connections to or from a port, measured over the given time: what programs
// get, without retransmissions and headers.
func (h *Host) Goodput(t testing.TB, port uint16, over time.Duration) float64 {
	t.Helper()
	received := func() (sum uint64) {
		for _, f := range h.Flows(t, port) {
			sum += f.Bytes_received
		}
		return sum
	}
	began, before := time.Now(), received()
	time.Sleep(over)
	after := received()
	return float64(after-before) / time.Since(began).Seconds()
}
