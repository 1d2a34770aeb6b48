// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// lossRows are about paths that lose packets.
func lossRows() []row {
	return []row{
		{
			rule:    "retransmit-high",
			symptom: "2 transfers with cubic over a path of 50 Mbit/s with a round trip of 40 ms that loses 2 % of the packets",
			needs:   needs{bbr: true},
			window:  5 * time.Second,
			finds:   findings{"retransmit-high": rules.Notice}, verdict: rules.VerdictOperator,
			number: "MB/s",
			cure:   acted("try the congestion control bbr for that service", "the program asks for bbr; the loss stays"),
			then:   findings{"retransmit-high": rules.Notice},
			effect: grows(2),
			stage: func(t *testing.T) *stage {
				pair := lab.NewLine(t, lab.Line{Delay: 20 * time.Millisecond, Loss: 0.02, Rate: 50, Queue: 200 * time.Millisecond})
				tr := transfer{pair: pair, connections: 2, sender: lab.Options{Congestion: "cubic"}}
				return tr.stage(pair.Client, func(*testing.T) { tr.sender.Congestion = "bbr" })
			},
		},
		{
			rule:     "sack-off",
			symptom:  "a transfer with bbr over a path with a round trip of 40 ms that loses 0.5 % of the packets",
			needs:    needs{bbr: true},
			settings: map[string]string{"net.ipv4.tcp_sack": "0"},
			window:   3 * time.Second,
			finds:    findings{"sack-off": rules.Critical, "retransmit-high": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("low"),
			effect: grows(2),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 20 * time.Millisecond, Loss: 0.005})
				tr.sender.Congestion = "bbr"
				return tr.stage(tr.pair.Client, nil)
			},
		},
		{
			rule:     "timestamps-off",
			symptom:  "a connection that is made by SYN cookie",
			settings: map[string]string{"net.ipv4.tcp_timestamps": "0", "net.ipv4.tcp_syncookies": "2"},
			finds:    findings{"timestamps-off": rules.Warning, "syncookies-without-timestamps": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "window scale of the connection",
			cure:   recommended("low"),
			effect: rises(0, 1),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Echo})
				var client *lab.Process
				return &stage{
					host: pair.Server,
					load: func(t *testing.T) {
						if client != nil {
							client.Stop()
						}
						client = lab.StartCaller(t, pair.Client, lab.Caller{Target: target})
						lab.WaitState(t, pair.Server, lab.Established, 1, settleTime)
					},
					number: func(t *testing.T) float64 {
						return sum(pair.Server.Flows(t, 8080), func(f lab.Flow) uint32 { return uint32(f.Snd_wscale) })
					},
				}
			},
		},
		{
			rule:     "bbr-for-loss",
			symptom:  "2 transfers with reno over a path of 50 Mbit/s with a round trip of 40 ms that loses 0.5 % of the packets",
			needs:    needs{bbr: true},
			settings: map[string]string{"net.ipv4.tcp_congestion_control": "reno"},
			window:   5 * time.Second,
			finds:    findings{"bbr-for-loss": rules.Info}, verdict: rules.VerdictSysctl,
			number: "MB/s",
			cure:   recommended("medium"),
			effect: grows(2),
			stage: func(t *testing.T) *stage {
				tr := longTransferOver(t, lab.Line{Delay: 20 * time.Millisecond, Loss: 0.005, Rate: 50, Queue: 200 * time.Millisecond})
				tr.connections, tr.sender.Congestion = 2, ""
				return tr.stage(tr.pair.Client, nil)
			},
		},
		{
			rule:    "mtu-blackhole",
			symptom: "4 transfers over a path on which packets above 1300 bytes vanish without ICMP",
			finds:   findings{"mtu-blackhole": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "seconds until 200 kB have arrived, 20 when they do not",
			cure:   recommended("low"),
			effect: falls(20, 15),
			stage:  mtuHole,
		},
	}
}

// mtuHole is a stage whose path takes no packets above 1300 bytes.
func mtuHole(t *testing.T) *stage {
	t.Helper()
	pair := lab.NewLine(t, lab.Line{Delay: 10 * time.Millisecond, Rate: 5, Queue: 2 * time.Second, MaxPacket: 1300})
	pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 131072") // or the queue overflows after the cure
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Answer})
	var streams *lab.Process
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			if streams != nil {
				streams.Stop()
			}
			streams = lab.StartStream(t, pair.Client, lab.Stream{Target: target, Connections: 4})
			lab.Eventually(t, settleTime, func() (bool, string) {
				decided := sum(pair.Client.Flows(t, 8080), func(f lab.Flow) int {
					if f.Retransmits >= 3 || f.Bytes_acked >= 100_000 {
						return 1
					}
					return 0
				})
				return decided == 4, fmt.Sprintf("%v of 4 connections are stuck or go on", decided)
			})
		},
		number: func(t *testing.T) float64 {
			caller := lab.StartCaller(t, pair.Client, lab.Caller{Target: target})
			r := caller.Ask(t, lab.Request{Send: 200_000, Receive: 1, Timeout: 20 * time.Second})
			if r.Error != "" && r.Error != "timeout" {
				t.Errorf("error %q", r.Error)
			}
			return round2(r.Took.Seconds())
		},
	}
}
