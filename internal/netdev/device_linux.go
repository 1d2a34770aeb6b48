// SPDX-License-Identifier: Apache-2.0

package netdev

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// List returns the interfaces in the order of the kernel. Where one was made or
// removed meanwhile, it may be missing.
func List() ([]Device, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	count := make(map[int]int)
	for _, a := range addresses {
		count[a.LinkIndex]++
	}
	devices := make([]Device, 0, len(links))
	for _, link := range links {
		a := link.Attrs()
		d := Device{Index: a.Index, Name: a.Name, Up: a.RawFlags&unix.IFF_UP != 0, Addresses: count[a.Index]}
		if s := a.Statistics; s != nil {
			d.Received, d.Missed = s.RxPackets, s.RxMissedErrors
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// Qdisc returns the kind of the root queueing discipline of an interface: "fq",
// "noqueue". One that only spreads packets over the queues of a card names those
// below it too: "mq of fq", "mq of fq and pfifo_fast".
func Qdisc(index int) (string, error) {
	qdiscs, err := netlink.QdiscList(nil)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return "", fmt.Errorf("list queueing disciplines: %w", err)
	}
	var root string
	var below []string
	for _, q := range qdiscs {
		switch a := q.Attrs(); {
		case a.LinkIndex != index || a.Parent == netlink.HANDLE_INGRESS:
		case a.Parent == netlink.HANDLE_ROOT:
			root = q.Type()
		case !slices.Contains(below, q.Type()):
			below = append(below, q.Type())
		}
	}
	if root == "" {
		return "", fmt.Errorf("interface %d has no queueing discipline", index)
	}
	slices.Sort(below)
	return qdiscText(root, below), nil
}
