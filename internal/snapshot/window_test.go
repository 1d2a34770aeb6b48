// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// sampleWindow has something in every part.
func sampleWindow() *Window {
	from := &Snapshot{
		Taken: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Uptime: ptr(100.5),
		Host: &Host{Hostname: "a", BootID: "b", Netns: "net:[1]"},
	}
	to := &Snapshot{
		Taken: from.Taken.Add(10 * time.Second), Uptime: ptr(110.5),
		Host: &Host{
			Hostname: "a", Kernel: "6.18.44", BootID: "b", Netns: "net:[1]", Initial: ptr(true),
			CPUs: ptr[int64](2), MemoryBytes: ptr[int64](1 << 30), PageBytes: ptr[int64](4096), Privilege: "root",
		},
		Sockets: &Sockets{
			Method: "sock_diag", Tiers: []int{0, 1, 2, 4}, Received: 9, Complete: true, Interrupted: true,
			States: map[string]int64{"listen": 1}, Counted: "sockstat", Mini: ptr[int64](0),
			Listeners: []Listener{{Local: addrPort("[::]:80"), IPv6: true, Cookie: 1 << 63, Backlog: ptr[uint32](0), Drops: ptr[uint32](1), Owners: []int{7}, Connections: map[string]int64{"syn_recv": 2}}},
			Open:      []Socket{{State: sockdiag.StateCloseWait, Local: addrPort("192.0.2.1:80"), Peer: addrPort("192.0.2.2:4"), LastHeard: ptr(0.5), Timer: "probe", Retried: 255}},
			Dropped:   map[string]int64{"syn_recv": 3},
			Ports:     PortRange{Low: 1, High: 65535, Reserved: 2, Held: 3, List: "80,443", Known: true},
			Destinations: []Destination{{
				Source: here, Peer: peer(1), Established: 1, TimeWait: 2, Young: 1, Other: 3, Owners: []int{1, 2}, UID: ptr[uint32](0),
			}},
			Closer:   Closer{Looked: true, AtMost: ptr[int64](0), Why: "x"},
			Clients:  []Client{{UID: 1, Sockets: 2, Ports: 3, Destinations: 4, Owners: []int{5}}},
			TimeWait: &TimeWait{Total: 1, Listening: 1, Ports: []Count{{":80", 1}}, Peers: []Count{{"x", 1}}},
			Sample: &Sample{
				Established: 1 << 20, Slices: Slices{Offset: 65535, Width: 12}, Cut: true,
				Connections: []Connection{{Local: addrPort("192.0.2.1:80"), Peer: addrPort("192.0.2.2:4")}, fullConnection()},
			},
		},
		Counters:  procnet.Counters{"Tcp.MaxConn": -1},
		Sockstat:  procnet.Sockstat{"TCP.tw": 0},
		Softnet:   []Softnet{{CPU: 1, Processed: 1<<32 - 1, Dropped: 2, Squeezed: 3}},
		Conntrack: &Conntrack{Loaded: true, Count: ptr[int64](1), Max: ptr[int64](2), Buckets: ptr[int64](3), Drops: ptr[uint64](1<<64 - 1), EarlyDrops: ptr[uint64](0)},
		Files:     &OpenFiles{Open: 1, Max: 1<<63 - 1},
		Sysctls:   map[string]string{"net.core.somaxconn": "4096"},
		Absent:    []string{"net.ipv4.tcp_tw_recycle"},
		Lines:     []Line{{File: "/etc/sysctl.conf", Number: 1, Key: "a.b", Value: "\x1b[31m", Ignored: true, Glob: true, Exclude: true, Exists: ptr(false)}},
		LinesRead: true,
		Units:     []Unit{{File: "/etc/systemd/system/a.service", Number: 1, Name: "a.service", NoFile: 0}},
		UnitsRead: true,
		Processes: map[int]Process{7: {Name: "a\nb", Exe: ptr("/bin/a"), UID: 1, FDs: 2, FDSoft: ptr[int64](3), FDHard: ptr[int64](4)}},
		Gaps:      []Gap{{Source: "a", Reason: "b", Remedy: "c"}},
		Cost:      time.Second,
	}
	return &Window{SchemaVersion: SchemaVersion, Tool: "tcptune test", From: from, To: to}
}

// fullConnection has every measure.
func fullConnection() Connection {
	c := Connection{
		Local: addrPort("[2001:db8::1]:80"), Peer: addrPort("[2001:db8::2]:4"), UID: 1<<32 - 1, Inode: 2, Cookie: 1<<64 - 1,
		Timer: sockdiag.TimerProbe, Congestion: "bbr", Owners: []int{7, 8},
	}
	for m := range Measure(measures) {
		c.Set(m, int64(m)<<50)
	}
	return c
}

func encode(t testing.TB, w *Window) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := w.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWindowRoundTrip(t *testing.T) {
	for name, want := range map[string]*Window{
		"full":  sampleWindow(),
		"empty": {SchemaVersion: SchemaVersion, To: &Snapshot{}},
	} {
		got, err := Decode(bytes.NewReader(encode(t, want)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, addresses(), cmp.AllowUnexported(Connection{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestSampleColumns: the columns may come in another order, be unknown or be
// missing.
func TestSampleColumns(t *testing.T) {
	const in = `{"schema_version": 1, "to": {"sockets": {"sample": {"established": 9, "slice_width": 8, "columns": "rtt new peer pmtu cookie",
		"connections": ["70 x 192.0.2.2:4 - 5"]}}}}`
	w, err := Decode(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	want := Connection{Peer: addrPort("192.0.2.2:4"), Cookie: 5}
	want.Set(RTT, 70)
	got := w.To.Sockets.Sample
	if diff := cmp.Diff(&Sample{Established: 9, Slices: Slices{Width: 8}, Connections: []Connection{want}}, got, addresses(), cmp.AllowUnexported(Connection{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, ok := got.Connections[0].Get(PMTU); ok {
		t.Error("an unknown measure is known")
	}
}

func TestDecodeErrors(t *testing.T) {
	whole := string(encode(t, sampleWindow()))
	tests := []struct {
		name, in string
		is       error
		want     string
	}{
		{"empty", "", ErrTruncated, "read window: file ends too early after 0 bytes"},
		{"cut", whole[:len(whole)/2], ErrTruncated, ""},
		{"cut by a byte", strings.TrimRight(whole, "\n")[:len(whole)-2], ErrTruncated, ""},
		{"newer", `{"schema_version": 2, "to": 7}`, ErrNewerSchema, "read window: newer schema: the file has schema 2, this tcptune reads up to 1"},
		{"older than the first", `{"schema_version": 0, "to": {}}`, nil, "read window: schema_version 0 does not exist"},
		{"not JSON", "sl  local_address", nil, "read window: invalid character 's' looking for beginning of value"},
		{"binary", "\x1f\x8b\x08\x00\x00", nil, `read window: invalid character '\x1f' looking for beginning of value`},
		{"another file", `{"findings": []}`, nil, "read window: no schema_version: this is not a window that tcptune collected"},
		{"null", "null", nil, "read window: no schema_version: this is not a window that tcptune collected"},
		{"no snapshot", `{"schema_version": 1}`, nil, `read window: it holds no snapshot ("to" is missing)`},
		{"list", `[1]`, nil, `read window: byte 1: array is not what a window has in ""`},
		{"version as text", `{"schema_version": "1"}`, nil, `read window: byte 22: string is not what a window has in "schema_version"`},
		{"wrong type", `{"schema_version": 1, "to": {"uptime_seconds": []}}`, nil, `read window: byte 48: array is not what a window has in "to.uptime_seconds"`},
		{"unknown state", `{"schema_version": 1, "to": {"sockets": {"open": [{"state": "lost"}]}}}`, nil, ""},
		{"bad address", `{"schema_version": 1, "to": {"sockets": {"listeners": [{"local": "x"}]}}}`, nil, ""},
		{"two", whole + whole, nil, ""},
		{"connection of too few words", `{"schema_version": 1, "to": {"sockets": {"sample": {"columns": "local peer rtt", "connections": ["192.0.2.1:80 192.0.2.2:4"]}}}}`, nil,
			"read window: sample: connection 0 has 2 words, want 3"},
		{"measure that is no number", `{"schema_version": 1, "to": {"sockets": {"sample": {"columns": "local rtt", "connections": ["192.0.2.1:80 5", "192.0.2.1:80 -5"]}}}}`, nil,
			`read window: sample: "-5" of connection 1 is no rtt`},
		{"connection without an address", `{"schema_version": 1, "to": {"sockets": {"sample": {"columns": "local", "connections": ["x"]}}}}`, nil,
			`read window: sample: "x" of connection 0 is no local`},
		{"owners that are no numbers", `{"schema_version": 1, "to": {"sockets": {"sample": {"columns": "owners", "connections": ["1,,2"]}}}}`, nil, ""},
		{"too many connections", `{"schema_version": 1, "to": {"sockets": {"sample": {"columns": "uid", "connections": [` + strings.Repeat(`"1",`, maxSample) + `"1"]}}}}`, nil,
			"read window: sample: 4097 connections, more than 4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Decode(strings.NewReader(tt.in))
			if got != nil || err == nil {
				t.Fatalf("Decode = %v, %v, want nil and an error", got, err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			if tt.want != "" && err.Error() != tt.want {
				t.Errorf("error\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

// blanks is a reader without an end.
type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestDecodeBounds(t *testing.T) {
	if w, err := decode(blanks{}, 1000); w != nil || err == nil || err.Error() != "read window: larger than 1000 bytes" {
		t.Errorf("decode an endless file: %v, %v", w, err)
	}
	whole := encode(t, sampleWindow())
	if w, err := decode(bytes.NewReader(whole), int64(len(whole))); w == nil || err != nil {
		t.Errorf("decode a file of the largest size: %v, %v", w, err)
	}
	broken := errors.New("broken")
	if w, err := Decode(io.MultiReader(strings.NewReader("{"), failing{broken})); w != nil || !errors.Is(err, broken) {
		t.Errorf("Decode of a failing file = %v, %v", w, err)
	}
	if err := sampleWindow().Encode(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("Encode to a failing file: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWindowSeconds(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Window)
		want   float64
		ok     bool
	}{
		{"both", func(*Window) {}, 10, true},
		{"one snapshot", func(w *Window) { w.From = nil }, 0, false},
		{"no snapshot", func(w *Window) { w.To = nil }, 0, false},
		{"no uptime", func(w *Window) { w.From.Uptime = nil }, 0, false},
		{"no uptime at the end", func(w *Window) { w.To.Uptime = nil }, 0, false},
		{"no host", func(w *Window) { w.From.Host = nil }, 10, true},
		{"another boot", func(w *Window) { w.From.Host.BootID = "c" }, 0, false},
		{"another namespace", func(w *Window) { w.From.Host.Netns = "net:[2]" }, 0, false},
		{"no time between", func(w *Window) { w.From.Uptime = w.To.Uptime }, 0, false},
		{"backwards", func(w *Window) { w.From.Uptime = ptr(1e9) }, -999999889.5, false},
		{"not finite", func(w *Window) { w.From.Uptime, w.To.Uptime = ptr(-1.7e308), ptr(1.7e308) }, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := sampleWindow()
			tt.change(w)
			got, ok := w.Seconds()
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("Seconds = %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sampleWindow()))
	f.Add([]byte(`{"schema_version": 1, "to": {}}`))
	f.Add([]byte(`{"schema_version": 1, "to": {"processes": {"-1": {}}, "taken": "2026-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := Decode(bytes.NewReader(data))
		if (w == nil) != (err != nil) {
			t.Fatalf("Decode = %v, %v", w, err)
		}
		if err != nil {
			return
		}
		if w.To == nil || w.SchemaVersion != SchemaVersion {
			t.Fatalf("decoded %+v", w)
		}
		first := encode(t, w)
		again, err := Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		if diff := cmp.Diff(string(first), string(encode(t, again))); diff != "" {
			t.Fatalf("round trip (-first +again)\n%s", diff)
		}
	})
}
