// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	rtfUp     = 0x1   // RTF_UP of include/uapi/linux/route.h
	rtfReject = 0x200 // RTF_REJECT

	routeColumns  = 11
	maxRouteBytes = 64 << 10 // room for 500 routes that begin at 0.0.0.0
)

// ParseDefaultRoute returns the interface of the IPv4 default route with the lowest
// metric in /proc/net/route, which shows the main table
// (net/ipv4/fib_trie.c:fib_route_seq_show); "" where there is none. The kernel sorts
// by destination, so only the beginning of a long table is read.
func ParseDefaultRoute(r io.Reader) (device string, err error) {
	device, err = parseDefaultRoute(io.LimitReader(r, maxRouteBytes))
	if err != nil {
		return "", fmt.Errorf("parse route: %w", err)
	}
	return device, nil
}

func parseDefaultRoute(r io.Reader) (device string, err error) {
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		return "", lines.Err() // a namespace that never had a route
	}
	if !strings.HasPrefix(lines.Text(), "Iface\tDestination\t") {
		return "", errors.New("no heading")
	}
	lowest := uint64(0)
	for number := 2; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) < routeColumns {
			return "", fmt.Errorf("line %d: %d columns, want %d", number, len(fields), routeColumns)
		}
		const destination, flags, metric, mask = 1, 3, 6, 7
		if fields[destination] != "00000000" {
			break
		}
		if fields[mask] != "00000000" {
			continue // 0.0.0.0/8
		}
		f, err := strconv.ParseUint(fields[flags], 16, 32)
		if err != nil {
			return "", fmt.Errorf("line %d: %s are no flags", number, quote(fields[flags]))
		}
		m, err := strconv.ParseUint(fields[metric], 10, 32)
		if err != nil {
			return "", fmt.Errorf("line %d: %s is no metric", number, quote(fields[metric]))
		}
		if f&rtfUp != 0 && f&rtfReject == 0 && (device == "" || m < lowest) {
			device, lowest = fields[0], m
		}
	}
	return device, lines.Err()
}
