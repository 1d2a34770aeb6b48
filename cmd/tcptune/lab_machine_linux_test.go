// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// machineRows are about limits of the whole machine. They run in guests only,
// one at a time.
func machineRows() []row {
	guest := needs{guest: true}
	return []row{
		{
			rule: "fd-file-max-near", needs: guest, symptom: "fs.file-max 500, of which root opens 1000",
			finds: findings{"fd-file-max-near": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "of 3 programs of an ordinary user that cannot open a file",
			cure:   recommended("low").any(), effect: falls(3, 0),
			stage: fullFiles,
		},
		{
			rule: "nofile-above-nr-open", needs: guest, symptom: "a systemd unit with LimitNOFILE=2000000",
			files: map[string]string{"/etc/systemd/system/lab.service": "[Service]\nExecStart=/bin/true\nLimitNOFILE=2000000\n"},
			finds: findings{"nofile-above-nr-open": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "refused setrlimit() for the unit's limit",
			cure:   recommended("low").any(), effect: falls(1, 0),
			stage: func(t *testing.T) *stage {
				host := lab.Machine(t)
				process := lab.Serve(t, host, lab.Server{Name: "lab", Address: netip.MustParseAddrPort("127.0.0.1:8080"), Behaviour: lab.Hold})
				return &stage{host: host, number: func(t *testing.T) float64 {
					if err := unix.Prlimit(process.PID, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 2000000, Max: 2000000}, nil); err != nil {
						t.Log(err)
						return 1
					}
					return 0
				}}
			},
		},
		{
			rule: "orphan-limit-near", needs: guest, symptom: "100 connections to a peer that lost power are closed, and room for 20 orphans",
			finds:   findings{"orphan-limit-near": rules.Critical, "orphans-dead-peer": rules.Warning},
			varies:  []string{"orphan-limit-near"}, // a warning when no more are reset by the time
			verdict: rules.VerdictOperator,
			number:  "connections that are reset", cure: recommended("medium"), effect: falls(20, 0),
			stage: orphans,
		},
		{
			rule: "tcp-mem-pressure", needs: guest, symptom: "30 connections that nobody reads, and 1 MiB of memory for TCP",
			finds: findings{"tcp-mem-pressure": rules.Critical}, verdict: rules.VerdictSysctl,
			varies: []string{"slow-reader"}, // nobody reads indeed
			number: "MB/s of another transfer", cure: recommended("medium"), effect: grows(10),
			stage: littleMemory,
		},
		{
			rule: "softnet-dropped", needs: guest, symptom: "2 transfers without segmentation offload, and a queue of 1 packet for each CPU",
			settings: map[string]string{"net.core.netdev_max_backlog": "1"},
			window:   2 * time.Second,
			finds:    findings{"softnet-dropped": rules.Critical}, verdict: rules.VerdictSysctl,
			varies: []string{"softnet-squeezed"}, // by emulated CPUs
			number: "dropped packets a second", cure: recommended("low"), effect: shrinks(10),
			stage: shortQueues,
		},
	}
}

// machinePair is a peer and the machine as its server, without the rest that
// a pair can do.
func machinePair(t *testing.T) (machine, peer *lab.Host, target netip.Addr) {
	t.Helper()
	machine, peer = lab.Machine(t), lab.NewHost(t, "peer")
	lab.Join(t, peer, netip.MustParsePrefix("198.18.1.1/24"), machine, netip.MustParsePrefix("198.18.1.2/24"))
	return machine, peer, netip.MustParseAddr("198.18.1.2")
}

// field is the number after a word of a file below /proc.
func field(t *testing.T, text, word string) int {
	t.Helper()
	_, rest, found := strings.Cut(text, word+" ")
	var n int
	if _, err := fmt.Sscan(rest, &n); !found || err != nil {
		t.Fatalf("no number after %q in %q: %v", word, text, err)
	}
	return n
}

// fullFiles is a machine whose open files pass the limit, which root alone may do.
func fullFiles(t *testing.T) *stage {
	host := lab.Machine(t)
	target := netip.MustParseAddrPort("127.0.0.1:8080")
	var client *lab.Process
	return &stage{
		host: host,
		load: func(t *testing.T) {
			if client != nil {
				return
			}
			lab.Serve(t, host, lab.Server{Name: "server", Address: target, Behaviour: lab.NeverAccept})
			host.Sysctl(t, "fs.file-max", "500")
			client = lab.StartClient(t, host, lab.Client{Targets: oneTarget(target), Count: 1000, NonBlocking: true, Ending: lab.Keep})
			client.Result(t)
		},
		number: func(t *testing.T) (failed float64) {
			for range 3 {
				if out := runCommand(t, host.Command(unprivileged, "states")); out.status != exitOK {
					t.Logf("status %d: %s", out.status, out.stderr)
					failed++
				}
			}
			return failed
		},
	}
}

// orphans is a machine with connections whose peer has died. Each load has peers
// of its own.
func orphans(t *testing.T) *stage {
	const servers, each = 10, 10
	host := lab.Machine(t)
	var before int64
	link := byte(1)
	return &stage{
		host: host,
		load: func(t *testing.T) {
			peer := lab.NewHost(t, "peer")
			address := netip.AddrFrom4([4]byte{198, 18, link, 2})
			peerAddress := netip.AddrFrom4([4]byte{198, 18, link, 1})
			lab.Join(t, peer, netip.PrefixFrom(peerAddress, 24), host, netip.PrefixFrom(address, 24))
			var programs []*lab.Process
			for i := range uint16(servers) {
				target := netip.AddrPortFrom(address, 8080+i)
				programs = append(programs, lab.Serve(t, host, lab.Server{Address: target, Behaviour: lab.Hold}))
				connectAll(t, peer, lab.Client{Targets: oneTarget(target), Count: each, Ending: lab.Keep})
			}
			if link == 1 {
				host.Sysctl(t, "net.ipv4.tcp_max_orphans", strconv.Itoa(20+field(t, host.ReadNet(t, "sockstat"), "orphan")))
			}
			host.BlackHole(t, fmt.Sprintf("eth%d", 9+link), netip.PrefixFrom(peerAddress, 32))
			link++
			before = host.Counters(t)["TcpExt.TCPAbortOnMemory"]
			for _, p := range programs {
				p.CloseAll(t)
				closed := time.Now()
				lab.Eventually(t, settleTime, func() (bool, string) { // the kernel adds the orphans of all CPUs up every 100 ms
					return time.Since(closed) > 150*time.Millisecond, ""
				})
			}
		},
		number: func(t *testing.T) float64 { return float64(host.Counters(t)["TcpExt.TCPAbortOnMemory"] - before) },
	}
}

// littleMemory is a machine with connections that nobody reads and little memory
// for TCP.
func littleMemory(t *testing.T) *stage {
	host, peer, address := machinePair(t)
	unread, healthy := netip.AddrPortFrom(address, 8080), netip.AddrPortFrom(address, 8081)
	hoarder := lab.Serve(t, host, lab.Server{Name: "hoarder", Address: unread, Behaviour: lab.Hold})
	lab.Serve(t, host, lab.Server{Address: healthy, Behaviour: lab.SinkClose})
	var streams []*lab.Process
	return &stage{
		host: host,
		load: func(t *testing.T) {
			for _, s := range streams {
				s.Stop()
			}
			if streams != nil {
				hoarder.CloseAll(t)
			}
			lab.Eventually(t, settleTime, func() (bool, string) {
				n := host.States(t)[lab.Established]
				return n == 0, fmt.Sprintf("%d connections stand", n)
			})
			if streams == nil {
				pages := field(t, host.ReadNet(t, "sockstat"), "mem")
				host.Sysctl(t, "net.ipv4.tcp_mem", fmt.Sprintf("%d %d %d", pages+64, pages+128, pages+256))
			}
			streams = []*lab.Process{lab.StartStream(t, peer, lab.Stream{Target: healthy}), lab.StartStream(t, peer, lab.Stream{Target: unread, Connections: 30})}
		},
		number: func(t *testing.T) float64 { return host.Goodput(t, 8081, 2*time.Second) / 1e6 },
	}
}

// shortQueues is a machine whose CPUs have short queues for packets.
func shortQueues(t *testing.T) *stage {
	host, peer, address := machinePair(t)
	host.NoOffload(t, "eth10")
	peer.NoOffload(t, "eth0")
	target := netip.AddrPortFrom(address, 8080)
	lab.Serve(t, host, lab.Server{Address: target, Behaviour: lab.SinkClose})
	var stream *lab.Process
	dropped := func() (sum float64) {
		for line := range strings.Lines(host.ReadNet(t, "softnet_stat")) {
			n, err := strconv.ParseInt(strings.Fields(line)[1], 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += float64(n)
		}
		return sum
	}
	return &stage{
		host: host,
		load: func(t *testing.T) {
			if stream == nil {
				stream = lab.StartStream(t, peer, lab.Stream{Target: target, Connections: 2})
			}
		},
		number: func(t *testing.T) float64 {
			began, before := time.Now(), dropped()
			lab.Eventually(t, settleTime, func() (bool, string) { return time.Since(began) > 2*time.Second, "" })
			return (dropped() - before) / time.Since(began).Seconds()
		},
	}
}
