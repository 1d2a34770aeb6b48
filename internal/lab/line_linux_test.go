// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestLineDelay(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		pair := NewLine(t, Line{Delay: 50 * time.Millisecond})
		Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: SinkClose})
		r := Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 10})
		if r.OK != 10 {
			t.Fatalf("client got %+v", r)
		}
		if first, median := Percentile(r.Times, 0), Percentile(r.Times, 0.5); first < 100*time.Millisecond || median > 200*time.Millisecond {
			t.Errorf("connect took %v at least and %v in the middle, want little more than 100ms", first, median)
		}
	})
}

// TestLineThroughput: the line itself must not be what limits a transfer. On an
// idle machine it carries more than 100 MB/s; a busy one has less time for it.
func TestLineThroughput(t *testing.T) {
	tests := []struct {
		name        string
		line        Line
		least, most float64 // MB/s
	}{
		{"no limit", Line{Delay: 50 * time.Millisecond}, 10, 1000},
		{"20 Mbit/s", Line{Delay: 10 * time.Millisecond, Rate: 20, Queue: 50 * time.Millisecond}, 1, 2.6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := bulkLine(t, test.line)
				got := 0.0
				Eventually(t, time.Minute, func() (bool, string) { // the window opens
					got = pair.Server.Goodput(t, 8080, 2*time.Second) / 1e6
					return got >= test.least, fmt.Sprintf("%.1f MB/s, want at least %v", got, test.least)
				})
				t.Logf("%.1f MB/s", got)
				if got > test.most {
					t.Errorf("%.1f MB/s, want at most %v", got, test.most)
				}
			})
		})
	}
}

// bulkLine is a line with a transfer whose buffers do not limit it.
func bulkLine(t *testing.T, l Line) *Pair {
	t.Helper()
	pair := NewLine(t, l)
	pair.Client.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 33554432")
	pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 33554432")
	Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: SinkClose})
	StartStream(t, pair.Client, Stream{Target: pair.Target(8080), Options: Options{Congestion: "cubic"}})
	return pair
}

// TestLineLoss: packets from the client are lost, those to it are not.
func TestLineLoss(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		pair := bulkLine(t, Line{Delay: time.Millisecond, Loss: 0.02})
		var sent, again int64
		Eventually(t, settleTime, func() (bool, string) {
			c := pair.Client.Counters(t)
			sent, again = c["Tcp.OutSegs"], c["Tcp.RetransSegs"]
			return sent > 5000, "the transfer does not go on"
		})
		t.Logf("%d of %d segments sent again", again, sent)
		if share := float64(again) / float64(sent); share < 0.01 || share > 0.04 {
			t.Errorf("%d of %d segments sent again, want about 2 %%", again, sent)
		}
		if n := pair.Server.Counters(t)["Tcp.RetransSegs"]; n != 0 {
			t.Errorf("the server sent %d segments again", n)
		}
	})
}

// TestLineMTU: what is longer than the line's maximum vanishes, and nobody says
// so.
func TestLineMTU(t *testing.T) {
	tests := []struct {
		probing string
		want    string
	}{
		{"0", "timeout"},
		{"1", ""},
	}
	for _, test := range tests {
		t.Run("tcp_mtu_probing="+test.probing, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewLine(t, Line{Delay: 10 * time.Millisecond, MaxPacket: 1300})
				pair.Client.Sysctl(t, "net.ipv4.tcp_mtu_probing", test.probing)
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: Answer})
				caller := StartCaller(t, pair.Client, Caller{Target: pair.Target(8080)})
				// The answer is long, too: the hole is one way.
				if r := caller.Ask(t, Request{Send: 500, Receive: 200_000}); r.Error != "" {
					t.Errorf("500 bytes: %+v", r)
				}
				r := caller.Ask(t, Request{Send: 200_000, Receive: 1, Timeout: 10 * time.Second})
				t.Logf("200000 bytes: %+v, TCPMTUPSuccess %d", r, needCounter(t, pair.Client, "TcpExt.TCPMTUPSuccess"))
				if r.Error != test.want {
					t.Errorf("200000 bytes: %+v, want error %q", r, test.want)
				}
			})
		})
	}
}

// TestSimultaneousClose: both ends close within the time that a FIN takes.
func TestSimultaneousClose(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		pair := NewLine(t, Line{Delay: time.Second})
		server := Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: Hold})
		client := StartClient(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 20, NonBlocking: true, Ending: Keep})
		client.Result(t)
		WaitState(t, pair.Server, Established, 20, settleTime)
		client.CloseAll(t)
		server.CloseAll(t)
		WaitState(t, pair.Client, Closing, 20, settleTime)
		WaitState(t, pair.Client, TimeWait, 20, settleTime)
		WaitState(t, pair.Server, TimeWait, 20, settleTime)
	})
}

// TestDetour: a strict reverse-path filter drops what comes by the wrong link.
func TestDetour(t *testing.T) {
	tests := []struct {
		filter string
		ok     int
	}{
		{"1", 0},
		{"2", 1},
		{"0", 1},
	}
	for _, test := range tests {
		t.Run("rp_filter="+test.filter, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewDetour(t)
				for _, name := range []string{"eth0", "eth1"} {
					pair.Server.Sysctl(t, "net/ipv4/conf/"+name+"/rp_filter", test.filter)
				}
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: SinkClose})
				timeout := 5 * time.Second
				if test.ok == 0 {
					timeout = 1500 * time.Millisecond
				}
				r := Connect(t, pair.Client, Client{
					Targets: one(pair.Target(8080)), Count: 1, Bind: BindNoPort, Source: netip.AddrPortFrom(pair.ClientAddress, 0), Timeout: timeout,
				})
				dropped := needCounter(t, pair.Server, "TcpExt.IPReversePathFilter")
				if r.OK != test.ok || (dropped > 0) != (test.ok == 0) {
					t.Errorf("%d connections, errors %v, %d packets dropped by the filter", r.OK, r.Errors, dropped)
				}
			})
		})
	}
}
