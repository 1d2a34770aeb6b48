// SPDX-License-Identifier: Apache-2.0

package ctnetlink

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// patient is a budget that no test of the kernel needs to the end.
const patient = 30 * time.Second

// TestCountLive compares the count with connections through a gateway that
// tracks and translates them.
func TestCountLive(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		n := lab.NewTriple(t)
		n.Gateway.Sysctl(t, "net.netfilter.nf_conntrack_tcp_timeout_time_wait", "120")
		if got := countIn(t, n.Gateway); got.Entries != 0 || !got.Complete {
			t.Errorf("empty table: %+v", got)
		}
		lab.Serve(t, n.Server, lab.Server{Address: n.Target(8080), Behaviour: lab.SinkClose})
		lab.Serve(t, n.Server, lab.Server{Address: n.Target(8081), Behaviour: lab.Hold})
		ended, held := []netip.AddrPort{n.Target(8080)}, []netip.AddrPort{n.Target(8081)}
		if r := lab.Connect(t, n.Client, lab.Client{Targets: ended, Count: 30}); r.OK != 30 {
			t.Fatalf("%d of 30 connections, errors %v", r.OK, r.Errors)
		}
		lab.Connect(t, n.Client, lab.Client{Targets: held, Count: 7, Ending: lab.Keep})
		want := Table{Entries: 37, Translated: 37, States: map[string]int64{"TIME_WAIT": 30, "ESTABLISHED": 7}, Complete: true}
		var got Table
		for deadline := time.Now().Add(patient); time.Now().Before(deadline) && !cmp.Equal(want, got); {
			got = countIn(t, n.Gateway)
			if reset := got.States["CLOSE"]; reset > 0 { // now and then one of the thirty ends with a reset
				got.States["TIME_WAIT"] += reset
				delete(got.States, "CLOSE")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func countIn(t *testing.T, h *lab.Host) (table Table) {
	t.Helper()
	err := h.Do(func() (err error) {
		table, err = Count(t.Context(), patient)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestCountMany walks a table of several datagrams, made of entries without
// any traffic.
func TestCountMany(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		const many = 2000
		handle, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		if err != nil {
			t.Fatal(err)
		}
		defer handle.Close()
		for i := range many {
			flow := closedFlow(uint16(1024 + i))
			if err := handle.ConntrackCreate(netlink.ConntrackTable, unix.AF_INET, flow); err != nil {
				if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
					lab.Unavailable(t, "nftables", err)
				}
				t.Fatal(err)
			}
		}
		table, err := Count(t.Context(), patient)
		if diff := cmp.Diff(Table{Entries: many, States: map[string]int64{"TIME_WAIT": many}, Complete: true}, table); err != nil || diff != "" {
			t.Errorf("error %v (-want +got)\n%s", err, diff)
		}
		if table, err := Count(t.Context(), 0); err != nil || table.Complete || table.Entries != 0 {
			t.Errorf("without a budget: %+v, %v", table, err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if table, err := Count(cancelled, patient); err != nil || table.Complete {
			t.Errorf("cancelled: %+v, %v", table, err)
		}
	})
}

// closedFlow is a connection in TIME_WAIT from a port.
func closedFlow(port uint16) *netlink.ConntrackFlow {
	a, b := net.IPv4(198, 18, 0, 1), net.IPv4(198, 18, 0, 2)
	return &netlink.ConntrackFlow{
		FamilyType: unix.AF_INET,
		Forward:    netlink.IPTuple{SrcIP: a, DstIP: b, SrcPort: port, DstPort: 80, Protocol: unix.IPPROTO_TCP},
		Reverse:    netlink.IPTuple{SrcIP: b, DstIP: a, SrcPort: 80, DstPort: port, Protocol: unix.IPPROTO_TCP},
		TimeOut:    120,
		ProtoInfo:  &netlink.ProtoInfoTCP{State: timeWait},
	}
}

const timeWait = 7 // TCP_CONNTRACK_TIME_WAIT
