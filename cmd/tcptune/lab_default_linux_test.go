// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// defaultRows are about settings that were better before somebody changed them.
func defaultRows() []row {
	return []row{
		{
			rule: "max-tw-buckets-lowered", symptom: "1000 incoming connections, closed by the server, and room for 200 in TIME_WAIT",
			needs:    needs{keys: []string{"net.ipv4.tcp_ehash_entries"}},
			settings: map[string]string{"net.ipv4.tcp_max_tw_buckets": "200"},
			finds:    findings{"max-tw-buckets-lowered": rules.Notice, "time-wait-bucket-overflow": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "connections that skipped TIME_WAIT",
			cure:   recommended("low"), then: findings{"time-wait-bucket-overflow": rules.Notice}, // there was an overflow since boot
			effect: falls(750, 0),
			stage:  closingServer(1000, gained("TcpExt.TCPTimeWaitOverflow")),
		},
		{
			rule: "syncookies-disabled", symptom: "500 forged SYNs a second, and 10 real clients",
			settings: map[string]string{"net.ipv4.tcp_syncookies": "0", "net.ipv4.tcp_max_syn_backlog": "256"},
			finds:    findings{"syncookies-disabled": rules.Warning, "syn-flood-cookies-off": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "real clients that failed", cure: recommended("low"), effect: falls(8, 0),
			stage: func(t *testing.T) *stage {
				f := newFlooded(t, 4096)
				f.number = f.failedClients
				return &f.stage
			},
		},
		{
			rule: "rmem-default-huge", symptom: "a new connection",
			settings: map[string]string{"net.ipv4.tcp_rmem": "4096 4194304 4194304", "net.ipv4.tcp_wmem": "4096 4194304 4194304"},
			finds:    findings{"rmem-default-huge": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "bytes that its buffers may hold at once",
			cure:   recommended("low"),
			effect: falls(8<<20, 131072+16384),
			stage: func(t *testing.T) *stage {
				host := lab.NewHost(t, "host")
				return &stage{host: host, number: func(t *testing.T) float64 { return newBuffers(t, host) }}
			},
		},
	}
}

// newBuffers is the size of both buffers of a new socket.
func newBuffers(t *testing.T, h *lab.Host) (bytes float64) {
	t.Helper()
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for _, option := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
			if err != nil {
				return err
			}
			bytes += float64(n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
