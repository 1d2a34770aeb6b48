// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

const patience = 20 * time.Second

// scene makes sockets of many states in the namespace of the isolated process,
// which is a host by itself: both ends of each connection are in it.
type scene struct {
	*lab.Host
	server *lab.Process // CLOSE_WAIT: 5 on each family
	dead   *lab.Process // SYN_SENT: 3
}

func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{Host: lab.Self(t)}
	s.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20999")
	s.Sysctl(t, "net.ipv4.ip_local_reserved_ports", "20001,20500-20509")
	four, six := netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("[::1]:8081")
	s.server = lab.Serve(t, s.Host, lab.Server{Name: "leaky", Address: four, Behaviour: lab.Hold, Backlog: 7, NoFile: 333})
	lab.Serve(t, s.Host, lab.Server{Name: "leaky6", Address: six, Behaviour: lab.HoldEOF})
	sink := netip.MustParseAddrPort("127.0.0.1:8082")
	lab.Serve(t, s.Host, lab.Server{Name: "sink", Address: sink, Behaviour: lab.SinkClose})
	lab.Serve(t, s.Host, lab.Server{Name: "inrange", Address: netip.MustParseAddrPort("127.0.0.1:20700"), Behaviour: lab.Hold})
	for _, to := range []netip.AddrPort{four, six} {
		lab.Connect(t, s.Host, lab.Client{Targets: []netip.AddrPort{to}, Count: 5})
		lab.Connect(t, s.Host, lab.Client{Name: "keeper", Targets: []netip.AddrPort{to}, Count: 4, Ending: lab.Keep})
	}
	lab.Connect(t, s.Host, lab.Client{Targets: []netip.AddrPort{sink}, Count: 12})
	hole := netip.MustParsePrefix("198.18.7.0/24")
	lab.Join(t, s.Host, netip.MustParsePrefix("198.18.6.1/24"), lab.NewHost(t, "router"), netip.MustParsePrefix("198.18.6.2/24"))
	s.BlackHole(t, "eth0", hole)
	s.dead = lab.StartClient(t, s.Host, lab.Client{
		Name: "dialer", Targets: []netip.AddrPort{netip.AddrPortFrom(hole.Addr().Next(), 5432)}, Count: 3, NonBlocking: true,
	})
	lab.WaitState(t, s.Host, lab.CloseWait, 10, patience)
	lab.WaitState(t, s.Host, lab.SynSent, 3, patience)
	lab.WaitState(t, s.Host, lab.TimeWait, 12, patience)
	return s
}

func live(t *testing.T, o Options) *Collector {
	t.Helper()
	c, err := NewCollector(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func snapshotNow(t *testing.T, c *Collector) *Snapshot {
	t.Helper()
	w, err := c.Window(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.From != nil {
		t.Error("two snapshots")
	}
	return w.To
}

func TestLive(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		s := newScene(t)
		c := live(t, Options{Keys: keys("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_recycle", "net.ipv4.tcp_mem")})
		t.Run("sock_diag", func(t *testing.T) { checkScene(t, s, snapshotNow(t, c), sockdiag.MethodSockDiag) })
		t.Run("proc", func(t *testing.T) {
			checkScene(t, s, snapshotNow(t, live(t, Options{NoNetlink: true})), sockdiag.MethodProc)
		})
		t.Run("sysctls", func(t *testing.T) {
			got := snapshotNow(t, c)
			maps.DeleteFunc(got.Sysctls, func(key, _ string) bool { return strings.HasPrefix(key, "net.ipv4.conf.") })
			if diff := cmp.Diff(map[string]string{"net.ipv4.tcp_fin_timeout": "60"}, got.Sysctls); diff != "" {
				t.Errorf("sysctls (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff([]string{"net.ipv4.tcp_mem", "net.ipv4.tcp_tw_recycle"}, got.Absent); diff != "" {
				t.Errorf("absent (-want +got)\n%s", diff)
			}
			if got.Host.Initial == nil || *got.Host.Initial || !got.LinesRead || !got.UnitsRead || *got.Host.PageBytes < 4096 {
				t.Errorf("host %+v, lines read %v", got.Host, got.LinesRead)
			}
			if !strings.HasPrefix(got.Host.Netns, "net:[") || got.Host.Kernel == "" || got.Host.BootID == "" {
				t.Errorf("host %+v", got.Host)
			}
		})
		t.Run("table", func(t *testing.T) { checkTables(t, c) })
		t.Run("ss", func(t *testing.T) { checkSS(t, s, c) })
		t.Run("ordinary user", checkOrdinary)
		t.Run("window", func(t *testing.T) { checkWindow(t, s, c) })
		t.Run("cancel", func(t *testing.T) { checkCancel(t, c) })
	})
}

func checkScene(t *testing.T, s scene, got *Snapshot, method string) {
	k := got.Sockets
	if k == nil {
		t.Fatalf("no sockets: %+v", got.Gaps)
	}
	want := map[string]int64{"listen": 4, "close_wait": 10, "fin_wait2": 10, "established": 16, "time_wait": 12, "syn_sent": 3}
	if diff := cmp.Diff(want, k.States); diff != "" || k.Method != method || !k.Complete {
		t.Errorf("method %s, complete %v, states (-want +got)\n%s", k.Method, k.Complete, diff)
	}
	if k.Mini == nil || *k.Mini != 22 {
		t.Errorf("sockstat tw %v, want TIME_WAIT and orphan FIN_WAIT_2", k.Mini)
	}
	wantPorts := PortRange{Low: 20000, High: 20999, Reserved: 11, Held: 1, List: "20001,20500-20509", Known: true}
	if diff := cmp.Diff(wantPorts, k.Ports); diff != "" {
		t.Errorf("ports (-want +got)\n%s", diff)
	}
	proc := method == sockdiag.MethodProc
	if proc != slices.Contains(gapSources(got), "sock_diag") || proc != k.Closer.Looked || proc == (k.Closer.AtMost != nil) {
		t.Errorf("closer %+v, gaps %+v", k.Closer, got.Gaps)
	}
	for _, l := range k.Listeners {
		if l.Local.Port() != 8080 {
			continue
		}
		if !proc && (*l.Backlog != 7 || *l.Drops != 0 || l.Cookie == 0) || proc && (l.Backlog != nil || l.Drops != nil) {
			t.Errorf("listener %+v", l)
		}
		if l.Connections["close_wait"] != 5 || l.Queue != 0 {
			t.Errorf("listener %+v", l)
		}
		checkOwner(t, got, l.Owners, s.server.PID, "leaky", 333)
	}
	for _, o := range k.Open {
		switch o.State {
		case sockdiag.StateCloseWait:
			if proc == (o.LastHeard != nil) || o.Local.Port() == 8080 && o.Receive != 1 || o.Local.Port() == 8081 && o.Receive != 0 {
				t.Errorf("CLOSE_WAIT %+v", o)
			}
			if o.LastHeard != nil && (*o.LastHeard < 0 || *o.LastHeard > patience.Seconds()*3) {
				t.Errorf("last heard %v s ago", *o.LastHeard)
			}
			if o.Local.Port() == 8080 {
				checkOwner(t, got, o.Owners, s.server.PID, "leaky", 333)
			}
		case sockdiag.StateSynSent:
			if o.Timer != "retransmit" || o.Peer.Port() != 5432 {
				t.Errorf("SYN_SENT %+v", o)
			}
			checkOwner(t, got, o.Owners, s.dead.PID, "dialer", 0)
		case sockdiag.StateFinWait2:
			if !o.Mini || o.Inode != 0 || o.Owners != nil {
				t.Errorf("FIN_WAIT_2 %+v", o)
			}
		}
	}
	// The port range is wide: destinations of ESTABLISHED were not looked at
	// over netlink, but text tables are read whole.
	for _, d := range k.Destinations {
		if d.Peer.Port() == 8082 && proc && (d.TimeWait != 12 || d.Established != 0) || d.Peer.Port() == 5432 && d.Other != 3 {
			t.Errorf("destination %+v", d)
		}
	}
	if proc && (k.TimeWait == nil || k.TimeWait.Total != 12 || k.TimeWait.Listening != 0) {
		t.Errorf("TimeWait %+v", k.TimeWait)
	}
}

func gapSources(s *Snapshot) (sources []string) {
	for _, g := range s.Gaps {
		sources = append(sources, g.Source)
	}
	return sources
}

func checkOwner(t *testing.T, s *Snapshot, owners []int, pid int, name string, limit int64) {
	t.Helper()
	if !slices.Equal(owners, []int{pid}) {
		t.Errorf("owners %v, want %d", owners, pid)
		return
	}
	p := s.Processes[pid]
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != name || p.Exe == nil || p.FDs != int64(len(fds)) || p.FDSoft == nil || limit > 0 && *p.FDSoft != limit {
		t.Errorf("process %+v, want %s with %d descriptors of %d", p, name, len(fds), limit)
	}
}

func checkTables(t *testing.T, c *Collector) {
	proc := live(t, Options{NoNetlink: true})
	for _, by := range Groupings() {
		got, err := c.Table(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		text, err := proc.Table(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != sockdiag.MethodSockDiag || text.Method != sockdiag.MethodProc || got.Partial || len(got.Gaps) != 0 || len(text.Gaps) != 1 {
			t.Errorf("%s: method %s and %s, gaps %v and %v", by, got.Method, text.Method, got.Gaps, text.Gaps)
		}
		for i := range got.Rows {
			got.Rows[i].Backlog = nil // sock_diag only
		}
		got.Method, got.Gaps, text.Method, text.Gaps = "", nil, "", nil
		if diff := cmp.Diff(got, text); diff != "" {
			t.Errorf("%s (-netlink +proc)\n%s", by, diff)
		}
		var total int64
		for _, n := range got.States {
			total += n
		}
		for _, r := range got.Rows {
			total -= r.Total
			for _, n := range r.States {
				r.Total -= n
			}
			if r.Total != 0 {
				t.Errorf("%s: row %+v", by, r)
			}
		}
		if by != ByState && total != got.Other {
			t.Errorf("%s: %d sockets in no row, Other %d", by, total, got.Other)
		}
	}
}

// checkSS compares with ss(8), which tells IPv4 and IPv6 apart.
func checkSS(t *testing.T, s scene, c *Collector) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		lab.Unavailable(t, "ss", err)
	}
	lab.Eventually(t, patience, func() (bool, string) {
		want := make(map[string]int64)
		for _, family := range []string{"-4", "-6"} {
			out, err := s.Command(ss, "-tanH", family).Output()
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(out)) {
				state, err := sockdiag.ParseState(strings.Fields(line)[0])
				if err != nil {
					t.Fatal(err)
				}
				want[state.String()]++
			}
		}
		got, err := c.Table(t.Context(), ByState)
		if err != nil {
			t.Fatal(err)
		}
		diff := cmp.Diff(want, got.States)
		return diff == "", "states (-ss +table)\n" + diff
	})
}

func checkWindow(t *testing.T, s scene, c *Collector) {
	w, err := c.Window(t.Context(), func(context.Context) error {
		lab.Connect(t, s.Host, lab.Client{Targets: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}, Count: 3, Ending: lab.Keep})
		begin := *c.start().Uptime // counts in 10 ms
		lab.Eventually(t, patience, func() (bool, string) { return *c.start().Uptime > begin, "the clock stands still" })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seconds, ok := w.Seconds(); !ok || seconds <= 0 || seconds > patience.Seconds()*3 {
		t.Errorf("seconds %v, %v", seconds, ok)
	}
	for counter, want := range map[string]int64{"Tcp.ActiveOpens": 3, "Tcp.PassiveOpens": 3, "TcpExt.ListenOverflows": 0} {
		if got := w.To.Counters[counter] - w.From.Counters[counter]; got != want {
			t.Errorf("%s grew by %d, want %d", counter, got, want)
		}
	}
	if w.From.Sysctls != nil || w.From.Processes != nil || w.From.LinesRead || w.From.Softnet == nil || w.From.Sockets.States["close_wait"] != 10 {
		t.Errorf("the first snapshot has %+v", w.From)
	}
	var b bytes.Buffer
	if err := w.Encode(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Seconds(); !ok || again.To.Sockets.States["listen"] != 4 {
		t.Errorf("decoded %+v", again.To.Sockets)
	}
	broken := errors.New("broken")
	if w, err := c.Window(t.Context(), func(context.Context) error { return broken }); w != nil || !errors.Is(err, broken) {
		t.Errorf("Window = %v, %v", w, err)
	}
}

func checkCancel(t *testing.T, c *Collector) {
	for _, c := range []*Collector{c, live(t, Options{NoNetlink: true})} {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := c.Window(ctx, func(ctx context.Context) error { cancel(); return ctx.Err() })
		if w != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while waiting: %v, %v", w, err)
		}
		if w, err := c.Window(ctx, nil); w != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v, %v", w, err)
		}
		if w, err := c.Window(ctx, func(context.Context) error { return nil }); w != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before the first snapshot: %v, %v", w, err)
		}
		if table, err := c.Table(ctx, ByState); err == nil {
			t.Errorf("cancelled table: %+v", table)
		}
	}
}

// TestLiveSmallRange: with a small range the sockets towards a destination
// matter and are counted whole, as text tables count them.
func TestLiveSmallRange(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		h := lab.Self(t)
		h.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20099")
		to := netip.MustParseAddrPort("127.0.0.1:8080")
		lab.Serve(t, h, lab.Server{Name: "server", Address: to, Behaviour: lab.Hold})
		client := lab.StartClient(t, h, lab.Client{Name: "pool", Targets: []netip.AddrPort{to}, Count: 60, Ending: lab.Keep})
		lab.WaitState(t, h, lab.Established, 120, patience)
		catalogue := sysctl.LoadCatalogue()
		var tcp []sysctl.Key
		for _, p := range catalogue.Parameters() {
			if !p.Key.Glob() {
				tcp = append(tcp, p.Key)
			}
		}
		for _, noNetlink := range []bool{false, true} {
			got := snapshotNow(t, live(t, Options{Keys: tcp, NoNetlink: noNetlink})).Sockets
			if !got.Closer.Looked || len(got.Destinations) != 1 || len(got.Clients) != 1 {
				t.Fatalf("closer %+v, destinations %+v, clients %+v", got.Closer, got.Destinations, got.Clients)
			}
			d, c := got.Destinations[0], got.Clients[0]
			if d.Established != 60 || d.Peer != to || !slices.Equal(d.Owners, []int{client.PID}) || len(d.Inodes) != maxInodes {
				t.Errorf("destination %+v", d)
			}
			if c.Sockets != 60 || c.Ports != 60 || c.Destinations != 1 || !slices.Equal(c.Owners, []int{client.PID}) {
				t.Errorf("client %+v", c)
			}
		}
	})
}
