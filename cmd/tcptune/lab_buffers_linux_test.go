// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// bufferRows are about buffers and windows: what a connection can have on its
// way over a long path.
func bufferRows() []row {
	return []row{
		{
			rule:     "window-scaling-off",
			symptom:  "one transfer, round trip 100 ms, buffers of 16 and 32 MiB, to a host without window scaling",
			settings: map[string]string{"net.ipv4.tcp_window_scaling": "0", "net.ipv4.tcp_rmem": largeBuffers},
			finds:    findings{"window-scaling-off": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("low"),
			effect: grows(5),
			stage: func(t *testing.T) *stage {
				tr := longTransfer(t)
				return tr.stage(tr.pair.Server, nil)
			},
		},
		{
			rule:     "moderate-rcvbuf-off",
			symptom:  "one transfer, round trip 100 ms, buffers of 16 and 32 MiB, to a host without autotuning",
			settings: map[string]string{"net.ipv4.tcp_moderate_rcvbuf": "0", "net.ipv4.tcp_rmem": largeBuffers},
			finds:    findings{"moderate-rcvbuf-off": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("low"),
			effect: grows(5),
			stage: func(t *testing.T) *stage {
				tr := longTransfer(t)
				return tr.stage(tr.pair.Server, nil)
			},
		},
		{
			rule:     "core-rmem-max-only",
			symptom:  "one transfer, round trip 100 ms, to a host whose files raise rmem_max and whose tcp_rmem ends at 1 MiB",
			needs:    needs{kernel: "6.12"}, // in a namespace of 6.1 there is no net.core.rmem_max
			settings: map[string]string{"net.ipv4.tcp_rmem": "4096 131072 1048576"},
			files:    map[string]string{"/etc/sysctl.d/60-buffers.conf": "net.core.rmem_max = 16777216\n"},
			finds:    findings{"core-rmem-max-only": rules.Info}, verdict: rules.VerdictHarmless,
			varies: []string{"rmem-below-bdp"}, // the window is small indeed
			number: "MB/s",
			cure:   tried("net.ipv4.tcp_rmem=4096 131072 16777216"),
			effect: grows(2),
			stage: func(t *testing.T) *stage {
				tr := longTransfer(t)
				return tr.stage(tr.pair.Server, nil)
			},
		},
		{
			rule:     "rmem-below-bdp",
			needs:    needs{kernel: "6.6"}, // before, the window of a burst is counted otherwise: docs/kernels.md
			symptom:  "one transfer, round trip 300 ms, to a host whose tcp_rmem ends at 256 KiB",
			settings: map[string]string{"net.ipv4.tcp_rmem": "4096 131072 262144"},
			window:   3 * time.Second,
			finds:    findings{"rmem-below-bdp": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("low"),
			effect: grows(5),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 150 * time.Millisecond})
				return tr.stage(tr.pair.Server, nil)
			},
		},
		{
			rule:     "wmem-below-bdp",
			symptom:  "one transfer, round trip 300 ms, from a host whose tcp_wmem ends at 256 KiB",
			settings: map[string]string{"net.ipv4.tcp_wmem": "4096 16384 262144"},
			window:   3 * time.Second,
			finds:    findings{"wmem-below-bdp": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("low"),
			effect: grows(3),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 150 * time.Millisecond})
				tr.pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 67108864")
				return tr.stage(tr.pair.Client, nil)
			},
		},
		{
			rule:    "rcvbuf-locked",
			needs:   needs{kernel: "6.6"}, // see rmem-below-bdp
			symptom: "one transfer, round trip 300 ms, to a program that sets SO_RCVBUF to 128 KiB",
			window:  3 * time.Second,
			finds:   findings{"rcvbuf-locked": rules.Notice}, verdict: rules.VerdictApplication,
			number: "MB/s",
			cure:   acted("not set SO_RCVBUF", "the program sets no SO_RCVBUF"),
			effect: grows(5),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 150 * time.Millisecond})
				tr.pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 67108864")
				tr.receiver.ReceiveBuffer = 128 << 10
				return tr.stage(tr.pair.Server, func(*testing.T) { tr.receiver.ReceiveBuffer = 0 })
			},
		},
		{
			rule:    "notsent-lowat",
			symptom: "90 transfers over 100 Mbit/s, with 1 MiB of send buffer each",
			finds:   findings{"notsent-lowat": rules.Info, "send-queue-stuck": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "MB that the kernel keeps unsent",
			cure:   recommended("low"),
			effect: shrinks(5),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 10 * time.Millisecond, Rate: 100, Queue: 2 * time.Second})
				tr.connections = 90
				tr.pair.Client.Sysctl(t, "net.ipv4.tcp_wmem", "4096 1048576 16777216")
				tr.pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 131072")
				s := tr.stage(tr.pair.Client, nil)
				s.number = func(t *testing.T) float64 {
					flows := tr.pair.Client.Flows(t, transferPort)
					return round2(sum(flows, func(f lab.Flow) uint32 { return f.Notsent_bytes }) / 1e6)
				}
				return s
			},
		},
	}
}

// largeBuffers leave rmem-below-bdp nothing to ask for at a round trip of 100 ms.
const largeBuffers = "4096 131072 33554432"

// longTransfer is one transfer over a round trip of 100 ms, between hosts whose
// buffers do not limit it. Congestion control reno is in every kernel, and without
// loss it does not limit it either; cubic leaves slow start early (HyStart) when a
// busy machine delays packets.
func longTransfer(t *testing.T) *transfer {
	t.Helper()
	return longTransferOver(t, lab.Line{Delay: 50 * time.Millisecond})
}

func longTransferOver(t *testing.T, l lab.Line) *transfer {
	t.Helper()
	pair := lab.NewLine(t, l)
	pair.Client.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 16777216")
	pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 16777216")
	return &transfer{pair: pair, sender: lab.Options{Congestion: "reno"}}
}
