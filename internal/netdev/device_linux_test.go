// SPDX-License-Identifier: Apache-2.0

package netdev

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// TestList compares the list with a veth pair that carried packets.
func TestList(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := lab.NewPair(t)
		lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(80), Behaviour: lab.SinkClose})
		lab.Connect(t, pair.Client, lab.Client{Targets: []netip.AddrPort{pair.Target(80)}, Count: 10})
		pair.Server.AddAddress(t, "eth0", netip.MustParsePrefix("198.18.1.9/24"))
		err := pair.Server.Do(func() error {
			devices, err := List()
			if err != nil {
				return err
			}
			i := slices.IndexFunc(devices, func(d Device) bool { return d.Name == "eth0" })
			if i < 0 {
				t.Fatalf("no eth0 in %+v", devices)
			}
			eth0 := devices[i]
			if eth0.Received < 30 || eth0.Index == 0 {
				t.Errorf("after ten connections: %+v", eth0)
			}
			eth0.Received, eth0.Index = 0, 0
			if diff := cmp.Diff(Device{Name: "eth0", Up: true, Addresses: 2}, eth0); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			link, err := netlink.LinkByName("eth0")
			if err == nil {
				err = netlink.LinkSetDown(link)
			}
			if err != nil {
				return err
			}
			devices, err = List()
			if err == nil && devices[i].Up {
				t.Error("an interface that is down is up")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestQdisc reads what the kernel attached by itself, and what was asked for.
func TestQdisc(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := lab.NewPair(t)
		err := pair.Client.Do(func() error {
			link, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			if got, err := Qdisc(link.Attrs().Index); err != nil || got != "noqueue" {
				t.Errorf("qdisc %q, %v; want noqueue", got, err)
			}
			if got, err := Qdisc(1 << 20); err == nil {
				t.Errorf("qdisc %q of no interface", got)
			}
			tbf := &netlink.Tbf{
				QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
				Rate:       1 << 20, Limit: 1 << 20, Buffer: 1 << 16,
			}
			if err := netlink.QdiscReplace(tbf); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
				lab.Unavailable(t, "sch_tbf", err)
			} else if err != nil {
				return err
			}
			if got, err := Qdisc(link.Attrs().Index); err != nil || got != "tbf" {
				t.Errorf("qdisc %q, %v; want tbf", got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestQdiscText(t *testing.T) {
	tests := []struct {
		root  string
		below []string
		want  string
	}{
		{"fq", nil, "fq"},
		{"mq", nil, "mq"},
		{"mq", []string{"fq"}, "mq of fq"},
		{"mqprio", []string{"fq", "pfifo_fast"}, "mqprio of fq and pfifo_fast"},
		{"htb", []string{"fq_codel"}, "htb"},
	}
	for _, tt := range tests {
		if got := qdiscText(tt.root, tt.below); got != tt.want {
			t.Errorf("qdiscText(%s, %v) = %q, want %q", tt.root, tt.below, got, tt.want)
		}
	}
}
