// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

const (
	liveWindow   = time.Second
	livePatience = 40 * time.Second
)

// observe derives the facts of a host from windows, one after the other, until
// holds is true.
func observe(t *testing.T, h *lab.Host, holds func(*Facts) bool) *Facts {
	t.Helper()
	catalogue := sysctl.LoadCatalogue()
	var keys []sysctl.Key
	for _, p := range catalogue.Parameters() {
		if !p.Key.Glob() {
			keys = append(keys, p.Key)
		}
	}
	c, err := snapshot.NewCollector(snapshot.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	wait := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(liveWindow):
			return nil
		}
	}
	var f *Facts
	lab.Eventually(t, livePatience, func() (bool, string) {
		var w *snapshot.Window
		err := h.Do(func() (err error) {
			w, err = c.Window(t.Context(), wait)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f = Derive(w, catalogue)
		return f.Connections != nil && f.Connections.LookedAt > 0 && holds(f), worded(f)
	})
	return f
}

// worded words the facts about connections for a failure.
func worded(f *Facts) string {
	lines := []string{fields(f.Connections)}
	for _, p := range f.Peers {
		lines = append(lines, "peer "+fields(p))
	}
	for _, p := range f.Processes {
		lines = append(lines, "process "+fields(p))
	}
	return strings.Join(lines, "\n")
}

// fields lists the fields of a struct that hold something.
func fields[T any](p *T) string {
	var parts []string
	if p == nil {
		return "nothing"
	}
	for v, i := reflect.ValueOf(p).Elem(), 0; i < v.NumField(); i++ {
		if field := reflect.Indirect(v.Field(i)); field.IsValid() && !field.IsZero() {
			parts = append(parts, fmt.Sprintf("%s=%v", v.Type().Field(i).Name, field))
		}
	}
	return strings.Join(parts, " ")
}

// farPair is a line with a round trip of 100 ms and buffers that allow 16 MiB.
func farPair(t *testing.T) *lab.Pair {
	pair := lab.NewLine(t, lab.Line{Delay: 50 * time.Millisecond})
	for _, h := range []*lab.Host{pair.Client, pair.Server} {
		h.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 16777216")
		h.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 16777216")
	}
	return pair
}

func cubic() lab.Options { return lab.Options{Congestion: "cubic"} }

// TestLiveBuffers: which buffer limits a transfer over a long path is told on
// the side that has it.
func TestLiveBuffers(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		t.Run("receive", func(t *testing.T) {
			pair := farPair(t)
			pair.Server.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 262144")
			lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.SinkClose})
			lab.StartStream(t, pair.Client, lab.Stream{Target: pair.Target(8080), Options: cubic()})
			observe(t, pair.Server, func(f *Facts) bool {
				p := f.Peers[0]
				return *p.ReceiveBuffer == 262144 && *p.ReceiveWindow > 100_000 && *p.ReceiveWindow < 180_000 && *p.ReceiveRTT >= 100 &&
					*p.ReceiveRate**p.ReceiveRTT/1000 > 0.6*float64(*p.ReceiveWindow)
			})
			observe(t, pair.Client, func(f *Facts) bool {
				p := f.Peers[0]
				return *p.SendRwndLimited > 50 && *p.SendBusy > 90 && *p.SendWindow < 180_000 && *p.SendRTT >= 100 && *p.Congestion == "cubic"
			})
		})
		t.Run("fixed", func(t *testing.T) {
			pair := farPair(t)
			lab.Serve(t, pair.Server, lab.Server{Name: "sink", Address: pair.Target(8080), Behaviour: lab.SinkClose, Options: lab.Options{ReceiveBuffer: 131072}})
			lab.StartStream(t, pair.Client, lab.Stream{Target: pair.Target(8080), Options: cubic()})
			observe(t, pair.Server, func(f *Facts) bool {
				p := f.Processes[0]
				return strings.HasPrefix(p.Name, "sink[") && *p.RcvbufFixed == 1 && *p.RcvbufFixedSize == 262144 && *p.RcvbufFixedRate < 2e6
			})
		})
		t.Run("send", func(t *testing.T) {
			pair := farPair(t)
			pair.Client.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 262144")
			lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.SinkClose})
			lab.StartStream(t, pair.Client, lab.Stream{Target: pair.Target(8080), Options: cubic()})
			observe(t, pair.Client, func(f *Facts) bool {
				p := f.Peers[0]
				return *p.SendBuffer == 262144 && float64(*p.SendCwnd) > 1.3*262144 && *p.SendRwndLimited < 50 && *p.SendRate**p.SendRTT/1000 > 0.6*262144
			})
			observe(t, pair.Server, func(f *Facts) bool { return *f.Processes[0].RcvbufFixed == 0 })
		})
	})
}

// TestLiveStuck: sockets whose data does not move, by whose fault it is.
func TestLiveStuck(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		t.Run("reader", func(t *testing.T) {
			pair := lab.NewPair(t)
			lab.Serve(t, pair.Server, lab.Server{Name: "stuck", Address: pair.Target(8080), Behaviour: lab.Hold})
			lab.StartStream(t, pair.Client, lab.Stream{Name: "writer", Target: pair.Target(8080), Connections: 10})
			observe(t, pair.Server, func(f *Facts) bool {
				p := f.Processes[0]
				return strings.HasPrefix(p.Name, "stuck[") && *p.Unread == 10 && *p.UnreadBytes > 10*64<<10 && *p.UnreadPeers == "198.18.1.1 (10)" && *p.Unsent == 0
			})
			observe(t, pair.Client, func(f *Facts) bool {
				p := f.Processes[0]
				return strings.HasPrefix(p.Name, "writer[") && *p.Unsent == 10 && *p.UnsentReader == 10 && *p.Unread == 0
			})
		})
		t.Run("dead", func(t *testing.T) {
			pair := lab.NewPair(t)
			lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.SinkClose})
			lab.StartStream(t, pair.Client, lab.Stream{Target: pair.Target(8080), Connections: 6})
			observe(t, pair.Client, func(f *Facts) bool { return f.Peers[0].BytesSent != nil && *f.Peers[0].BytesSent > 1<<20 })
			pair.Cut(t)
			observe(t, pair.Client, func(f *Facts) bool {
				return f.Connections.Unanswered == 6 && f.Connections.UnansweredPeers != "" && *f.Processes[0].UnsentDead == 6 && *f.Connections.BigStuck == 0
			})
		})
		t.Run("large packets vanish", func(t *testing.T) {
			pair := lab.NewLine(t, lab.Line{Delay: 10 * time.Millisecond, MaxPacket: 1300})
			lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Answer})
			caller := lab.StartCaller(t, pair.Client, lab.Caller{Target: pair.Target(8080)})
			if r := caller.Ask(t, lab.Request{Send: 500, Receive: 1}); r.Error != "" {
				t.Fatalf("a small request: %s", r.Error)
			}
			lab.StartStream(t, pair.Client, lab.Stream{Target: pair.Target(8080), Connections: 3})
			observe(t, pair.Client, func(f *Facts) bool {
				c := f.Connections
				return *c.BigStuck == 3 && *c.BigStuckNetwork == "198.18.1.0/24" && *c.BigStuckPeers == "198.18.1.2 (3)" && *c.BigStuckPMTU == 1500
			})
		})
	})
}

// TestLiveRestart: connections that fall silent between large answers.
func TestLiveRestart(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := farPair(t)
		lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Answer, Options: cubic()})
		caller := lab.StartCaller(t, pair.Client, lab.Caller{Target: pair.Target(8080)})
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
					caller.Ask(t, lab.Request{Silence: liveWindow / 2, Receive: 1 << 18, Timeout: livePatience})
				}
			}
		}()
		observe(t, pair.Server, func(f *Facts) bool {
			return *f.Connections.Restarts == 1 && *f.Connections.RestartPeers == "198.18.1.1 (1)" && *f.Connections.LossBasedShare == 1
		})
		close(stop)
		<-done
	})
}
