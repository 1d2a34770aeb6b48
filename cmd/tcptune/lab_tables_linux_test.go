// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/rules"
	"github.com/vishvananda/netlink"
)

// tableRows are about tables of the machine that fill up. Their limits are the
// machine's, so all of them need a guest.
func tableRows() []row {
	guest := needs{guest: true}
	return []row{
		{
			rule: "conntrack-near-full", symptom: "800 open connections through a gateway that may track 1000", needs: guest,
			settings: tracking(1000, nil),
			finds:    findings{"conntrack-near-full": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "failed connections of 300 more",
			cure:   recommended("low"),
			effect: falls(90, 0),
			stage:  func(t *testing.T) *stage { return newTracked(t).filled() },
		},
		{
			rule: "conntrack-drops", symptom: "800 open connections through a gateway that may track 800, and more while check looks", needs: guest,
			settings: tracking(800, nil),
			window:   3 * time.Second,
			finds:    findings{"conntrack-drops": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "failed connections of 300 more",
			cure:   recommended("low"),
			effect: falls(290, 0),
			stage:  func(t *testing.T) *stage { return newTracked(t).dropping() },
		},
		{
			rule: "conntrack-time-wait", symptom: "10 connections a second for 125 s through a gateway that may track 1000", needs: guest,
			settings: tracking(1000, map[string]string{"net.netfilter.nf_conntrack_tcp_timeout_time_wait": "120"}),
			finds:    findings{"conntrack-time-wait": rules.Notice, "conntrack-near-full": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "failed connections",
			cure:   recommended("low"),
			effect: falls(5, 0),
			stage:  func(t *testing.T) *stage { return newTracked(t).steady(t) },
		},
		{
			rule: "conntrack-buckets", symptom: "a limit of 65536 connections and 1024 buckets", needs: guest,
			settings: tracking(65536, map[string]string{"net.netfilter.nf_conntrack_buckets": "1024"}),
			finds:    findings{"conntrack-buckets": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "entries for each bucket when the table is full",
			cure:   recommended("low"),
			effect: falls(64, 4),
			stage:  buckets,
		},
		{
			rule: "neigh-table-full", symptom: "300 neighbours, and room for 200", needs: guest,
			settings: map[string]string{
				"net.ipv4.neigh.default.gc_thresh1": "50", "net.ipv4.neigh.default.gc_thresh2": "100", "net.ipv4.neigh.default.gc_thresh3": "200",
			},
			finds: findings{"neigh-table-full": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "neighbours that were refused",
			cure:   recommended("low"),
			effect: falls(50, 0),
			stage:  neighbours,
		},
		{
			rule: "softnet-squeezed", symptom: "100 connections a second between two namespaces, and rounds of one packet", needs: guest,
			settings: map[string]string{"net.core.netdev_budget": "1"},
			window:   2 * time.Second,
			finds:    findings{"softnet-squeezed": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "rounds a second that ended too early",
			cure:   recommended("low"),
			effect: falls(30, 10),
			stage: func(t *testing.T) *stage {
				return manyRounds(t)
			},
		},
	}
}

// tracking are the settings of a gateway with a limit. Its other timeouts are
// not the matter of these rows.
func tracking(limit int, more map[string]string) map[string]string {
	settings := map[string]string{
		"net.netfilter.nf_conntrack_max":                    strconv.Itoa(limit),
		"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600",
	}
	for key, value := range more {
		settings[key] = value
	}
	return settings
}

// tracked is a gateway whose table can be filled. Open connections fill it for
// good: those that have ended the kernel evicts when it needs their place, and
// above 95 % of the limit anyway.
type tracked struct {
	*lab.Triple
	running []*lab.Process
}

// open is how many connections fill the table.
const open = 800

func newTracked(t *testing.T) *tracked { return &tracked{Triple: lab.NewTripleVia(t, lab.Machine(t))} }

// fill empties the table and opens connections, which may not fail.
func (n *tracked) fill(t *testing.T) {
	t.Helper()
	for _, p := range n.running {
		p.Stop()
	}
	n.Gateway.ForgetConnections(t)
	server := lab.Serve(t, n.Server, lab.Server{Address: n.Target(8080), Behaviour: lab.Hold, Greeting: true})
	client := lab.StartClient(t, n.Client, lab.Client{Targets: oneTarget(n.Target(8080)), Count: open, Ending: lab.Keep})
	n.running = []*lab.Process{client, server}
	if r := client.Result(t); r.OK != open {
		t.Fatalf("%d of %d connections, errors %v", r.OK, open, r.Errors)
	}
}

// failing opens more connections at once and returns how many got no answer.
func (n *tracked) failing(t *testing.T) float64 {
	t.Helper()
	r := lab.Connect(t, n.Client, lab.Client{
		Targets: oneTarget(n.Target(8080)), Count: 300, NonBlocking: true, Receive: lab.ReceiveMessage, Timeout: lab.Patience(time.Second),
	})
	return float64(r.Attempts - r.OK)
}

// filled is a stage with a full table, where nobody waits yet.
func (n *tracked) filled() *stage { return &stage{host: n.Gateway, load: n.fill, number: n.failing} }

// dropping is a stage where clients go on connecting to a full table.
func (n *tracked) dropping() *stage {
	failed := 0.0
	return &stage{
		host: n.Gateway,
		load: func(t *testing.T) {
			n.fill(t)
			failed = n.failing(t)
			n.running = append(n.running, lab.StartClient(t, n.Client, lab.Client{
				Targets: oneTarget(n.Target(8080)), Duration: time.Minute, Timeout: 500 * time.Millisecond, Interval: 500 * time.Millisecond,
			}))
		},
		number: func(*testing.T) float64 { return failed },
	}
}

// steady is a stage with a rate of connections that the table bears, or not.
// Expired entries count until the collector comes round, and so does check.
func (n *tracked) steady(t *testing.T) *stage {
	lab.Serve(t, n.Server, lab.Server{Address: n.Target(8080), Behaviour: lab.SinkClose})
	client := lab.Client{
		Targets: oneTarget(n.Target(8080)), Duration: 25 * time.Second, Interval: 100 * time.Millisecond, Timeout: lab.Patience(300 * time.Millisecond),
	}
	failed, loads := 0, 0
	return &stage{
		host: n.Gateway,
		load: func(t *testing.T) {
			n.Gateway.ForgetConnections(t)
			failed = 0
			for range 5 {
				r := lab.Connect(t, n.Client, client)
				failed += r.Attempts - r.OK
			}
			if loads++; loads > 1 {
				lab.Eventually(t, 3*time.Minute, func() (bool, string) {
					count, err := strconv.Atoi(n.Gateway.ReadSysctl(t, "net.netfilter.nf_conntrack_count"))
					return err == nil && count < 500, fmt.Sprintf("%d entries", count)
				})
			}
		},
		number: func(*testing.T) float64 { return float64(failed) },
	}
}

// buckets is a stage without traffic: how long the chains get is arithmetic.
func buckets(t *testing.T) *stage {
	machine := lab.NewTripleVia(t, lab.Machine(t)).Gateway
	read := func(t *testing.T, key string) float64 {
		n, err := strconv.ParseFloat(machine.ReadSysctl(t, "net.netfilter."+key), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return &stage{
		host: machine,
		load: func(*testing.T) {},
		number: func(t *testing.T) float64 {
			return read(t, "nf_conntrack_max") / read(t, "nf_conntrack_buckets")
		},
	}
}

// neighbours is a stage where a namespace of the machine meets many hosts.
func neighbours(t *testing.T) *stage {
	machine, pair := lab.Machine(t), lab.NewPair(t)
	pair.Client.Sysctl(t, "net.ipv4.neigh.eth0.gc_stale_time", "3600") // a guest is slow
	refused := 0
	return &stage{
		host: machine,
		load: func(t *testing.T) {
			refused = 0
			err := pair.Client.Do(func() error {
				link, err := netlink.LinkByName("eth0")
				if err != nil {
					return err
				}
				for i := range 300 {
					err := netlink.NeighSet(&netlink.Neigh{
						LinkIndex: link.Attrs().Index, State: netlink.NUD_STALE,
						IP: net.IPv4(198, 18, byte(2+i/250), byte(1+i%250)), HardwareAddr: net.HardwareAddr{2, 0, 0, 1, byte(i >> 8), byte(i)},
					})
					if err != nil {
						refused++
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		number: func(*testing.T) float64 { return float64(refused) },
	}
}

// manyRounds is a stage of the machine that receives what two of its namespaces
// send to each other, in many rounds.
func manyRounds(t *testing.T) *stage {
	machine, pair := lab.Machine(t), lab.NewPair(t)
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
	var client *lab.Process
	squeezed := func(t *testing.T) (sum float64) {
		cpus, err := procnet.ParseSoftnet(strings.NewReader(machine.ReadNet(t, "softnet_stat")))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cpus {
			sum += float64(c.Squeezed)
		}
		return sum
	}
	return &stage{
		host: machine,
		load: func(t *testing.T) {
			if client != nil {
				client.Stop()
			}
			client = lab.StartClient(t, pair.Client, lab.Client{
				Targets: oneTarget(target), Duration: time.Minute, Interval: 10 * time.Millisecond,
			})
		},
		number: func(t *testing.T) float64 {
			began, before := time.Now(), squeezed(t)
			lab.Eventually(t, settleTime, func() (bool, string) { return time.Since(began) > 2*time.Second, "" })
			return (squeezed(t) - before) / time.Since(began).Seconds()
		},
	}
}
