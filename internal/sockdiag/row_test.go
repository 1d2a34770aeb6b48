// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A row is what sock_diag, /proc/net/tcp and ss(8) all say about a socket.
type row struct {
	State                   State
	Source, Destination     netip.AddrPort
	ReceiveQueue, SendQueue uint32
}

func rowOf(s *Socket) row {
	return row{s.State, s.Source, s.Destination, s.ReceiveQueue, s.SendQueue}
}

// identity returns the row without what changes over time.
func (r row) identity() row {
	r.ReceiveQueue, r.SendQueue = 0, 0
	return r
}

// A dumper is a Client or a ProcTable.
type dumper interface {
	Dump(context.Context, Request, func(*Socket) error) (Summary, error)
}

// collect returns a callback for Dump and the rows that it will have seen.
func collect() (func(*Socket) error, *[]row) {
	rows := new([]row)
	return func(s *Socket) error {
		*rows = append(*rows, rowOf(s))
		return nil
	}, rows
}

func sortRows(rows []row) []row {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.Source.Compare(b.Source), a.Destination.Compare(b.Destination), cmp.Compare(a.State, b.State))
	})
	return rows
}

func diffRows(want, got []row) string {
	return gocmp.Diff(sortRows(want), sortRows(got), cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty())
}

// parseSS parses the output of ss -tanH.
func parseSS(tb testing.TB, output string) []row {
	tb.Helper()
	var rows []row
	for line := range strings.Lines(output) {
		r, err := parseSSLine(strings.Fields(line))
		if err != nil {
			tb.Fatalf("parse line %q of ss: %v", line, err)
		}
		rows = append(rows, r)
	}
	return rows
}

func parseSSLine(f []string) (r row, err error) {
	if len(f) < 5 {
		return row{}, fmt.Errorf("%d columns", len(f))
	}
	if r.State, err = ParseState(f[0]); err != nil {
		return row{}, err
	}
	for i, queue := range []*uint32{&r.ReceiveQueue, &r.SendQueue} {
		v, err := strconv.ParseUint(f[1+i], 10, 32)
		if err != nil {
			return row{}, err
		}
		*queue = uint32(v)
	}
	for i, end := range []*netip.AddrPort{&r.Source, &r.Destination} {
		address := strings.Replace(f[3+i], "*:", "[::]:", 1) // a socket of both families
		if host, ok := strings.CutSuffix(address, ":*"); ok {
			address = host + ":0"
		}
		ap, err := netip.ParseAddrPort(strings.Replace(address, "]:*", "]:0", 1))
		if err != nil {
			return row{}, err
		}
		*end = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return r, nil
}
