// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"errors"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "record testdata from the running kernel")

const allInfo = WithInfo | WithCongestion | WithMemory

// refuseV1 is a conn on which the kernel does not know the first form of the
// request.
type refuseV1 struct {
	conn
	sequence uint32
	pending  bool
}

func (r *refuseV1) Write(b []byte) (int, error) {
	if binary.NativeEndian.Uint16(b[4:]) != tcpDiagGetSock {
		return r.conn.Write(b)
	}
	r.sequence, r.pending = binary.NativeEndian.Uint32(b[8:]), true
	return len(b), nil
}

func (r *refuseV1) Read(b []byte) (int, error) {
	if !r.pending {
		return r.conn.Read(b)
	}
	r.pending = false
	return copy(b, statusMessage(nlmsgError, 0, r.sequence, syscall.EOPNOTSUPP)), nil
}

func dialRefusingV1() (conn, error) {
	c, err := dial()
	return &refuseV1{conn: c}, err
}

// A recorder is a conn that keeps what it receives.
type recorder struct {
	conn
	received []byte
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.conn.Read(b)
	r.received = append(r.received, b[:n]...)
	return n, err
}

func kernelClient(tb testing.TB, dial func() (conn, error)) *Client {
	tb.Helper()
	c, err := newClient(tb.Context(), dial)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// mustDump dumps and returns the rows of a complete dump.
func mustDump(tb testing.TB, d dumper, r Request) []row {
	tb.Helper()
	fn, rows := collect()
	summary, err := d.Dump(tb.Context(), r, fn)
	if err != nil {
		tb.Fatal(err)
	}
	if !summary.Complete || summary.Interrupted || summary.Sockets != len(*rows) {
		tb.Fatalf("summary %+v of %d sockets", summary, len(*rows))
	}
	return *rows
}

// eventually polls until check returns "", and fails with what it returned
// last.
func eventually(tb testing.TB, check func() string) {
	tb.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal(problem)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestKernelScene(t *testing.T) {
	s := theScene(t)
	proc := ProcTable{Dir: "/proc/thread-self/net"}
	for _, tt := range []struct {
		name string
		dumper
	}{
		{"both families in one walk", kernelClient(t, dial)},
		{"a walk for each family", kernelClient(t, dialRefusingV1)},
		{"proc", proc},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eventually(t, func() string {
				known := make(map[row]row)
				for _, w := range s.want {
					known[w.identity()] = w
				}
				rows := mustDump(t, tt, Request{States: AllStates})
				for i, r := range rows {
					// Queues are compared where the scene knows them.
					w := known[r.identity()]
					if w.ReceiveQueue == 0 && w.State != StateListen {
						rows[i].ReceiveQueue = 0
					}
					if w.SendQueue == 0 && w.State != StateListen || tt.dumper == proc {
						rows[i].SendQueue = w.SendQueue
					}
				}
				return diffRows(s.want, rows)
			})
		})
	}
}

func TestKernelAgreement(t *testing.T) {
	theScene(t)
	client := kernelClient(t, dial)
	eventually(t, func() string {
		want := mustDump(t, client, Request{States: AllStates, Extensions: allInfo})
		got := mustDump(t, ProcTable{Dir: "/proc/thread-self/net"}, Request{States: AllStates})
		for i := range want {
			if want[i].State == StateListen {
				want[i].SendQueue = 0 // the backlog is not there
			}
		}
		return diffRows(want, got)
	})
}

func runSS(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("ss")
	if err != nil {
		skip(tb, "ss", err.Error())
	}
	output, err := exec.Command(path, "-tanH").Output()
	if err != nil {
		tb.Fatalf("run ss: %v", err)
	}
	return string(output)
}

// TestKernelAgreesWithSS compares with ss(8). With -update it also records
// testdata: go test -run TestKernelAgreesWithSS . -update
func TestKernelAgreesWithSS(t *testing.T) {
	theScene(t)
	if *update {
		recordScene(t)
	}
	client := kernelClient(t, dial)
	eventually(t, func() string {
		want := parseSS(t, runSS(t))
		return diffRows(want, mustDump(t, client, Request{States: AllStates}))
	})
}

// TestKernelFields checks what the rows leave out.
func TestKernelFields(t *testing.T) {
	s := theScene(t)
	client := kernelClient(t, dial)
	sockets := make(map[netip.AddrPort]*Socket) // by source; servers by their connection
	_, err := client.Dump(t.Context(), Request{States: AllStates, Extensions: allInfo}, func(s *Socket) error {
		if _, taken := sockets[s.Source]; !taken || s.State != StateListen {
			sockets[s.Source] = s.Clone()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	congestion, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"127.0.0.1", "::1"} {
		server := sockets[s.mark["server "+a]]
		if server.Info == nil || server.Memory == nil || server.Memory.Drops == nil {
			t.Fatalf("%s: server without info, memory or drops: %+v", a, server)
		}
		if v, ok := server.Info.BytesReceived(); !ok || v != 10 {
			t.Errorf("%s: bytes received %d, %v; want 10", a, v, ok)
		}
		if v, ok := server.Info.State(); !ok || v != StateEstablished {
			t.Errorf("%s: state in tcp_info %s, %v", a, v, ok)
		}
		if v, ok := server.Info.RTT(); !ok || v <= 0 || v > time.Second {
			t.Errorf("%s: rtt %s, %v", a, v, ok)
		}
		if v, ok := server.Info.RTO(); !ok || v < 10*time.Millisecond || v > 10*time.Second {
			t.Errorf("%s: rto %s, %v", a, v, ok)
		}
		if want, got := strings.TrimSpace(string(congestion)), server.Congestion; want != got {
			t.Errorf("%s: congestion control %q, want %q", a, got, want)
		}
		if want, got := a == "::1", server.IPv6; want != got {
			t.Errorf("%s: IPv6 %v", a, got)
		}
		if server.Inode == 0 || server.Cookie == 0 {
			t.Errorf("%s: inode %d, cookie %d", a, server.Inode, server.Cookie)
		}
		if p := sockets[s.mark["client "+a]].BoundNoPort; p == nil || !*p {
			t.Errorf("%s: bind_address_no_port was set, got %v", a, p)
		}
		for _, name := range []string{"time_wait ", "orphan "} {
			mini := sockets[s.mark[name+a]]
			if name == "orphan " && mini.Timer == TimerKeepalive && mini.Inode == 0 {
				// The peer's ACK came while close() still had the socket: tcp_rcv_state_process
				// then leaves the orphan a whole socket that this timer ends.
				continue
			}
			if mini.Timer != TimerTimeWait || mini.Expires <= 0 || mini.Expires > time.Minute {
				t.Errorf("%s%s: timer %s, expires in %s", name, a, mini.Timer, mini.Expires)
			}
			if mini.Inode != 0 || mini.Info != nil || mini.Memory != nil || mini.Congestion != "" {
				t.Errorf("%s%s: more than a mini-socket has: %+v", name, a, mini)
			}
		}
	}
	if m := sockets[s.mark["mapped"]]; !m.IPv6 || !m.Source.Addr().Is4() {
		t.Errorf("mapped server %+v", m)
	}
}

func TestKernelListeners(t *testing.T) {
	s := theScene(t)
	var full []uint32
	client := kernelClient(t, dial)
	_, err := client.Dump(t.Context(), Request{States: StatesOf(StateListen), Extensions: WithMemory | WithInfo}, func(l *Socket) error {
		if l.State != StateListen || l.Info != nil || l.Memory == nil {
			t.Errorf("listener %+v", l)
		}
		if l.Source == s.mark["full 127.0.0.1"] && l.Memory != nil && l.Memory.Drops != nil {
			full = append(full, *l.Memory.Drops)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(full) != 1 || full[0] == 0 {
		t.Errorf("drops of the listener that dropped a SYN: %v", full)
	}
	var unknown int
	_, err = ProcTable{Dir: "/proc/thread-self/net"}.Dump(t.Context(), Request{States: StatesOf(StateListen)}, func(l *Socket) error {
		if _, ok := l.Backlog(); !ok {
			unknown++
		}
		return nil
	})
	if err != nil || unknown == 0 {
		t.Errorf("listeners with unknown backlog in proc: %d, %v", unknown, err)
	}
}

// TestKernelFilter compares the kernel's answer to a filter with Match.
func TestKernelFilter(t *testing.T) {
	s := theScene(t)
	client := kernelClient(t, dial)
	var all []*Socket
	eventually(t, func() string { // sockets of the scene are still on their way to their states
		all = nil
		_, err := client.Dump(t.Context(), Request{States: AllStates}, func(s *Socket) error {
			all = append(all, s.Clone())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var want, got []row
		for _, w := range s.want {
			want = append(want, w.identity())
		}
		for _, s := range all {
			got = append(got, rowOf(s).identity())
		}
		return diffRows(want, got)
	})
	port := rapid.OneOf(rapid.Uint16Range(7990, s.next+10), rapid.Uint16())
	portRange := rapid.Custom(func(t *rapid.T) PortRange {
		a, b := port.Draw(t, "a"), port.Draw(t, "b")
		return PortRange{min(a, b), max(a, b)}
	})
	ranges := rapid.OneOf(rapid.Just(PortRange{}), rapid.Just(PortRange{0, 65535}), portRange)
	rapid.Check(t, func(rt *rapid.T) {
		r := Request{
			States: States(rapid.Uint32Range(1, uint32(AllStates)/2).Draw(rt, "states")) << 1,
			Filter: Filter{SourcePorts: ranges.Draw(rt, "source"), DestinationPorts: ranges.Draw(rt, "destination")},
		}
		r.Filter.AnySource, r.Filter.AnyDestination = drawApart(rt, port), drawApart(rt, port)
		var want []row
		for _, s := range all {
			if r.States.Has(s.State) && r.Filter.Match(s) {
				want = append(want, rowOf(s).identity())
			}
		}
		for _, d := range []dumper{client, ProcTable{Dir: "/proc/thread-self/net"}} {
			got := mustDump(t, d, r)
			for i := range got {
				got[i] = got[i].identity()
			}
			if diff := diffRows(want, got); diff != "" {
				rt.Fatalf("%T, %+v (-want +got):\n%s", d, r, diff)
			}
		}
	})
}

func TestKernelStop(t *testing.T) {
	theScene(t)
	client := kernelClient(t, dial)
	request := Request{States: AllStates, Extensions: allInfo}
	for range 3 {
		summary, err := client.Dump(t.Context(), request, func(*Socket) error { return ErrStop })
		if err != nil || summary.Complete || summary.Sockets != 1 {
			t.Fatalf("stopped dump: %+v, %v", summary, err)
		}
		mustDump(t, client, request)
	}
	failure := errors.New("no room")
	if summary, err := client.Dump(t.Context(), request, func(*Socket) error { return failure }); !errors.Is(err, failure) || summary.Complete {
		t.Errorf("failed dump: %+v, %v", summary, err)
	}
}

// TestKernelRefusal sends a request that no kernel takes.
func TestKernelRefusal(t *testing.T) {
	needNetNS(t)
	client := kernelClient(t, dial)
	d := dump{}
	err := client.run(t.Context(), &d, func(b []byte) []byte {
		return Request{States: AllStates}.appendV2(b, client.sequence, 250)
	})
	if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("dump of address family 250: %v, want ENOENT or EINVAL", err)
	}
	if !errors.Is(err, ErrUnavailable) || !d.refused {
		t.Errorf("error %v, refused %v; want ErrUnavailable", err, d.refused)
	}
	mustDump(t, client, Request{States: AllStates}) // the client is still good
}

// recordScene writes the files that TestDecodeScene and TestProcTableScene
// read.
func recordScene(t *testing.T) {
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join("testdata", name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, wrap := range map[string]func(conn) conn{
		"scene.v1.bin": func(c conn) conn { return c },
		"scene.v2.bin": func(c conn) conn { return &refuseV1{conn: c} },
	} {
		eventually(t, func() string {
			r := &recorder{}
			client := kernelClient(t, func() (c conn, err error) {
				r.conn, err = dial()
				return wrap(r), err
			})
			rows := mustDump(t, client, Request{States: AllStates, Extensions: allInfo})
			ss := runSS(t)
			write(name, r.received)
			write("scene.ss", []byte(ss))
			return diffRows(parseSS(t, ss), rows)
		})
	}
	table, err := os.ReadFile("/proc/thread-self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	table6, err := os.ReadFile("/proc/thread-self/net/tcp6")
	if err != nil {
		t.Fatal(err)
	}
	write("tcp", table)
	write("tcp6", table6)
}
