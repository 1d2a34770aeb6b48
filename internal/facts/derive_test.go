// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// TestVocabulary: no fact is declared that no window ever fills.
func TestVocabulary(t *testing.T) {
	filled := make(map[string]bool)
	hidden := fullWindow()
	hidden.To.Sockets.Listeners[0].Local = addrPort("0.0.0.0:33001")
	hidden.To.Sockets.Listeners[0].Owners = nil
	part := troubledWindow()
	part.To.Sockets.Sample.Slices.Width = 5
	for _, w := range []*snapshot.Window{fullWindow(), hidden, part, configWindow()} {
		note(filled, "", reflect.ValueOf(derive(w)))
	}
	for name, ok := range filled {
		if !ok {
			t.Errorf("no window fills %s", name)
		}
	}
	if len(filled) < 250 {
		t.Errorf("only %d facts seen", len(filled))
	}
}

// note walks facts and notes which fields hold something: a value that is
// known and, where it cannot be unknown, not zero.
func note(filled map[string]bool, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		filled[name] = filled[name] || !v.IsNil()
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			note(filled, name, v.Elem())
		}
	case reflect.Slice:
		filled[name] = filled[name] || v.Len() > 0
		for i := range v.Len() {
			note(filled, name, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				note(filled, name+"."+field.Name, v.Field(i))
			}
		}
	default:
		filled[name] = filled[name] || !v.IsZero()
	}
}

// TestDeriveUnknown: what the snapshot lacks is unknown, not zero.
func TestDeriveUnknown(t *testing.T) {
	got := derive(one(&snapshot.Snapshot{}))
	want := &Facts{
		Window: &Window{}, Machine: &Machine{}, Netns: &Netns{}, Rate: &Rates{}, Delta: &Deltas{}, Total: &Totals{}, Timeouts: &Timeouts{},
		values: sysctlValues{absent: map[string]bool{}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Facts{}, sysctlValues{})); diff != "" {
		t.Errorf("facts of nothing (-want +got)\n%s", diff)
	}
	if _, ok := got.Sysctl("net.ipv4.tcp_tw_reuse", 0); ok {
		t.Error("a sysctl is known")
	}

	// Each part of a full window taken away makes its facts unknown, and no
	// list of them empty.
	tests := []struct {
		name    string
		lose    func(*snapshot.Window)
		unknown func(*Facts) bool
	}{
		{"from", func(w *snapshot.Window) { w.From = nil }, func(f *Facts) bool {
			p := f.Processes[len(f.Processes)-1]
			return *f.Rate == Rates{} && *f.Delta == Deltas{} && f.Window.Seconds == nil && f.Machine.SoftnetDropped == nil &&
				f.Conntrack.Drops == nil && *f.Conntrack.DropsTotal == 4 && f.Listeners[0].Drops == nil && f.Listeners[0].QueueBefore == nil &&
				*f.Listeners[0].DropsTotal == 60 && p.CloseWaitGrowth == nil && p.CloseWaitOld != nil && *f.Total.TW > 0
		}},
		{"boot", func(w *snapshot.Window) {
			w.From.Host = &snapshot.Host{BootID: "other"}
		}, func(f *Facts) bool {
			return *f.Rate == Rates{} && f.Window.Seconds == nil && f.Listeners[0].Drops == nil
		}},
		{"sockets at the start", func(w *snapshot.Window) { w.From.Sockets = nil }, func(f *Facts) bool {
			p := f.Processes[len(f.Processes)-1]
			return f.Listeners[0].Drops == nil && f.Listeners[0].DropsPerSecond == nil && p.CloseWaitGrowth == nil && f.Rate.TW != nil
		}},
		{"listener's drops at the start", func(w *snapshot.Window) { w.From.Sockets.Listeners[0].Drops = nil }, func(f *Facts) bool {
			return f.Listeners[0].Drops == nil && *f.Listeners[0].QueueBefore == 3
		}},
		{"sockets", func(w *snapshot.Window) { w.To.Sockets = nil }, func(f *Facts) bool {
			return f.Sockets == nil && f.Ports == nil && f.Listeners == nil && f.Destinations == nil && f.Processes == nil && f.Clients == nil && f.Networks == nil
		}},
		{"port range", func(w *snapshot.Window) { w.To.Sockets.Ports = snapshot.PortRange{} }, func(f *Facts) bool {
			return *f.Ports == Ports{} && f.Destinations == nil && f.Clients == nil && f.Listeners[0].InRange == nil && f.Listeners[0].Reserved == nil
		}},
		{"reserved ports", func(w *snapshot.Window) { w.To.Sockets.Ports.List = "broken" }, func(f *Facts) bool {
			return *f.Ports == Ports{} && f.Destinations == nil && f.Clients == nil && f.Listeners[0].Reserved == nil
		}},
		{"closer look", func(w *snapshot.Window) { w.To.Sockets.Closer = snapshot.Closer{Why: "took too long"} }, func(f *Facts) bool {
			return f.Ports.MaxUse == nil && f.Ports.Exact == nil && f.Destinations == nil && f.Clients == nil && *f.Ports.Size == 999
		}},
		{"counted states", func(w *snapshot.Window) {
			w.To.Sockets.Counted, w.To.Sockets.States = "", map[string]int64{"listen": 1}
		}, func(f *Facts) bool {
			return f.Sockets.Established == nil && f.Sockets.TimeWait == nil && f.Sockets.Total == nil && *f.Sockets.CloseWait == 0
		}},
		{"backlogs", func(w *snapshot.Window) { w.To.Sockets.Listeners[0].Backlog = nil }, func(f *Facts) bool {
			return f.Sockets.LargestBacklog == nil && f.Listeners[0].Backlog == nil
		}},
		{"TIME_WAIT", func(w *snapshot.Window) { w.To.Sockets.TimeWait = nil }, func(f *Facts) bool {
			return f.Sockets.TimeWaitListenShare == nil && f.Sockets.TimeWaitListeners == nil && f.Sockets.TimeWaitDestinations == nil
		}},
		{"ages", func(w *snapshot.Window) {
			w.From = nil
			w.To.Sockets.Open[0].LastHeard = nil
		}, func(f *Facts) bool { return f.Processes[len(f.Processes)-1].CloseWaitOld == nil }},
		{"timestamps", func(w *snapshot.Window) { delete(w.To.Sysctls, "net.ipv4.tcp_timestamps") }, func(f *Facts) bool {
			return f.Destinations[0].ReuseApplies == nil && f.Destinations[0].Capacity == nil
		}},
		{"lines", func(w *snapshot.Window) { w.To.LinesRead = false }, func(f *Facts) bool { return f.Lines == nil && f.Files == nil }},
		{"units", func(w *snapshot.Window) { w.To.UnitsRead = false }, func(f *Facts) bool { return f.Units == nil }},
		{"conntrack", func(w *snapshot.Window) { w.To.Conntrack = nil }, func(f *Facts) bool { return f.Conntrack == nil }},
		{"conntrack's counters", func(w *snapshot.Window) { w.From.Conntrack.Drops, w.To.Conntrack.EarlyDrops = nil, nil }, func(f *Facts) bool {
			return f.Conntrack.Drops == nil && f.Conntrack.EarlyDrops == nil
		}},
		{"softnet at the start", func(w *snapshot.Window) { w.From.Softnet = nil }, func(f *Facts) bool { return f.Machine.SoftnetProcessed == nil }},
		{"host", func(w *snapshot.Window) { w.To.Host = nil }, func(f *Facts) bool {
			return f.Kernel == nil && f.Netns.Initial == nil && f.Machine.CPUs == nil && f.Machine.MemoryBytes == nil
		}},
		{"sockstat", func(w *snapshot.Window) { w.To.Sockstat = nil }, func(f *Facts) bool { return f.Machine.Orphans == nil && f.Machine.TCPMemoryPages == nil }},
		{"processes", func(w *snapshot.Window) { w.To.Processes = nil }, func(f *Facts) bool {
			p := f.Processes[0]
			return p.Name == "[7]" && p.PID == nil && p.FDs == nil && p.FDSoft == nil && p.Exe == nil && !p.Hidden && p.UID == 33
		}},
	}
	for _, tt := range tests {
		t.Run("without "+tt.name, func(t *testing.T) {
			w := fullWindow()
			tt.lose(w)
			if f := derive(w); !tt.unknown(f) {
				t.Errorf("known after all: %s", dump(f))
			}
		})
	}
}

// dump words facts for a failure.
func dump(f *Facts) string {
	return cmp.Diff(&Facts{}, f, cmp.AllowUnexported(Facts{}, Files{}, sysctlValues{}))
}

func TestDeriveNumbers(t *testing.T) {
	f := derive(fullWindow())
	if *f.Window.Seconds != 10 {
		t.Errorf("seconds %v", *f.Window.Seconds)
	}
	if *f.Total.ListenOverflows != 3 || *f.Delta.ListenOverflows != 2 || *f.Rate.ListenOverflows != 0.2 {
		t.Errorf("ListenOverflows %d, %d, %v", *f.Total.ListenOverflows, *f.Delta.ListenOverflows, *f.Rate.ListenOverflows)
	}
	m := f.Machine
	if *m.SoftnetProcessed != 100 || *m.SoftnetDropped != 50 || *m.SoftnetDroppedPerSecond != 5 || *m.SoftnetDroppedCPUs != "CPU 0 (50)" {
		t.Errorf("softnet %d, %d, %v, %q", *m.SoftnetProcessed, *m.SoftnetDropped, *m.SoftnetDroppedPerSecond, *m.SoftnetDroppedCPUs)
	}
	wantSockets := &Sockets{
		Established: ptr[int64](1), SynSent: ptr[int64](2), SynRecv: ptr[int64](3), FinWait1: ptr[int64](4), FinWait2: ptr[int64](5), TimeWait: ptr[int64](6),
		Close: ptr[int64](7), CloseWait: ptr[int64](8), LastAck: ptr[int64](9), Listen: ptr[int64](10), Closing: ptr[int64](11),
		Total: ptr[int64](66), Mini: ptr[int64](2), FinWait2Unowned: ptr[int64](1), FinWait2Peers: ptr("127.0.0.9 (2)"),
		TimeWaitListenShare: ptr(0.25), TimeWaitListeners: ptr(":80 (1)"), TimeWaitDestinations: ptr("x:1 (3)"),
		LargestBacklog: ptr[int64](4), SynRecvListener: ptr(":33000"), SynRecvAddresses: ptr[int64](1),
	}
	if diff := cmp.Diff(wantSockets, f.Sockets); diff != "" {
		t.Errorf("sockets (-want +got)\n%s", diff)
	}
	wantListener := &Listener{
		Address: "127.0.0.1:33000", Port: 33000, Loopback: true, Process: "app[7]", UID: 33, Queue: 5, Backlog: ptr[int64](4), QueueBefore: ptr[int64](3),
		Drops: ptr[int64](50), DropsTotal: ptr[int64](60), DropsPerSecond: ptr(5.0), SynRecv: ptr[int64](1), CloseWait: ptr[int64](2), CloseWaitUnowned: ptr[int64](1),
		InRange: ptr(true), Reserved: ptr(false),
	}
	if diff := cmp.Diff([]*Listener{wantListener}, f.Listeners); diff != "" {
		t.Errorf("listeners (-want +got)\n%s", diff)
	}
	wantPorts := &Ports{
		Low: ptr[int64](32768), High: ptr[int64](33767), Size: ptr[int64](999), Held: ptr[int64](1), MaxUse: ptr(104.0 / 999), Exact: ptr(true),
		Overlap: ptr("33000"), Reserve: ptr("33000-33001"),
	}
	if diff := cmp.Diff(wantPorts, f.Ports); diff != "" {
		t.Errorf("ports (-want +got)\n%s", diff)
	}
	wantDestination := &Destination{
		Address: "127.0.0.9:5432", Source: "127.0.0.1", Process: "app[7]", Loopback: true, Used: 104, Size: 999, Use: 104.0 / 999,
		Established: ptr[int64](1), TimeWait: ptr[int64](600), TimeWaitShare: ptr(600.0 / 603), Other: 2, ReuseApplies: ptr(true),
		PerSecond: ptr(10.0), Capacity: ptr(999.0), CapacityReused: ptr(999.0),
	}
	if diff := cmp.Diff([]*Destination{wantDestination}, f.Destinations); diff != "" {
		t.Errorf("destinations (-want +got)\n%s", diff)
	}
	wantClients := []*Client{{UID: 33, Process: "app[7]", Sockets: 5, Ports: 2, Destinations: 3, SharedPorts: 3}}
	if diff := cmp.Diff(wantClients, f.Clients); diff != "" {
		t.Errorf("clients (-want +got)\n%s", diff)
	}
	wantProcesses := []*Process{
		{
			Name: "a process of uid 44", Hidden: true, UID: 44, CloseWaitOld: ptr[int64](0), CloseWaitGrowth: ptr[int64](0), FinWait2Old: ptr[int64](0),
			SynSent: 1, SynSentHosts: 1, SynSentPorts: 1, SynSentPortList: "1 (1)", SynSentTop: "127.0.0.9:1", SynSentTopCount: 1, SynSentTopShare: 1,
		},
		{
			Name: "app[7]", PID: ptr[int64](7), UID: 33, Exe: ptr("/bin/app"), Listens: true, FDs: ptr[int64](5), FDSoft: ptr[int64](10), FDHard: ptr[int64](20),
			CloseWait: 3, CloseWaitOld: ptr[int64](1), CloseWaitGrowth: ptr[int64](3), CloseWaitSeconds: ptr(61.0),
			CloseWaitEOF: 1, CloseWaitRead: 1, CloseWaitUnread: 1, CloseWaitLocal: ":33000 (3)", CloseWaitPeers: "127.0.0.1 (3)",
			SynSent: 1, SynSentHosts: 1, SynSentPorts: 1, SynSentPortList: "5432 (1)", SynSentTop: "127.0.0.9:5432", SynSentTopCount: 1, SynSentTopShare: 1,
			SynSentRetried: 1, SynSentTopRetried: 1, FinWait2: 1, FinWait2Old: ptr[int64](0), FinWait2Peers: "127.0.0.9 (1)",
		},
	}
	if diff := cmp.Diff(wantProcesses, f.Processes); diff != "" {
		t.Errorf("processes (-want +got)\n%s", diff)
	}
	wantNetworks := []*Network{{Prefix: "198.18.0.0/24", SynRecv: 1, Share: 1, Retried: 1, Addresses: 1}}
	if diff := cmp.Diff(wantNetworks, f.Networks); diff != "" {
		t.Errorf("networks (-want +got)\n%s", diff)
	}
	wantUnits := []*Unit{{Address: "/etc/systemd/system/a.service:2", Unit: "a.service", NoFile: 5}}
	if diff := cmp.Diff(wantUnits, f.Units); diff != "" {
		t.Errorf("units (-want +got)\n%s", diff)
	}
}

// TestCounters: counters that fell, that are new and that this kernel lacks.
func TestCounters(t *testing.T) {
	f := derive(two(
		&snapshot.Snapshot{Counters: procnet.Counters{"TcpExt.TW": 10, "TcpExt.TWKilled": 7, "Tcp.InSegs": 1, "TcpExt.Odd": 1}},
		&snapshot.Snapshot{Counters: procnet.Counters{"TcpExt.TW": 4, "TcpExt.TWKilled": 7, "Tcp.InSegs": 101, "TcpExt.PAWSEstab": 3, "Tcp.MaxConn": -1}},
	))
	wantTotal := &Totals{TW: ptr[int64](4), TWKilled: ptr[int64](7), InSegs: ptr[int64](101), PAWSEstab: ptr[int64](3)}
	if diff := cmp.Diff(wantTotal, f.Total); diff != "" {
		t.Errorf("total (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&Deltas{TWKilled: ptr[int64](0), InSegs: ptr[int64](100)}, f.Delta); diff != "" {
		t.Errorf("delta (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&Rates{TWKilled: ptr(0.0), InSegs: ptr(10.0)}, f.Rate); diff != "" {
		t.Errorf("rate (-want +got)\n%s", diff)
	}
}

func TestConntrackFell(t *testing.T) {
	f := derive(two(
		&snapshot.Snapshot{Conntrack: &snapshot.Conntrack{Drops: ptr[uint64](5), EarlyDrops: ptr[uint64](0)}},
		&snapshot.Snapshot{Conntrack: &snapshot.Conntrack{Drops: ptr[uint64](4), EarlyDrops: ptr[uint64](math.MaxUint64)}},
	))
	want := &Conntrack{Loaded: ptr(false), DropsTotal: ptr[int64](4), EarlyDrops: ptr[int64](math.MaxInt64)}
	if diff := cmp.Diff(want, f.Conntrack); diff != "" {
		t.Errorf("conntrack (-want +got)\n%s", diff)
	}
}

// TestSoftnet: 32-bit counters wrap, CPUs come and go.
func TestSoftnet(t *testing.T) {
	f := derive(two(
		&snapshot.Snapshot{Softnet: []snapshot.Softnet{{CPU: 0, Processed: math.MaxUint32 - 9, Dropped: math.MaxUint32}, {CPU: 1, Processed: 5}, {CPU: 3, Dropped: 7}}},
		&snapshot.Snapshot{Softnet: []snapshot.Softnet{{CPU: 0, Processed: 90, Dropped: 19}, {CPU: 1, Processed: 5}, {CPU: 2, Processed: 1000, Dropped: 1000}, {CPU: 3, Dropped: 8}}},
	))
	m := f.Machine
	if *m.SoftnetProcessed != 100 || *m.SoftnetDropped != 21 || *m.SoftnetDroppedPerSecond != 2.1 || *m.SoftnetDroppedCPUs != "CPU 0 (20), CPU 3 (1)" {
		t.Errorf("softnet %d, %d, %v, %q", *m.SoftnetProcessed, *m.SoftnetDropped, *m.SoftnetDroppedPerSecond, *m.SoftnetDroppedCPUs)
	}
}

// TestListenerDrops: the kernel's counter has 32 bits; a listener that was not
// there at the start began with none.
func TestListenerDrops(t *testing.T) {
	listener := func(cookie uint64, drops uint32) snapshot.Listener {
		return snapshot.Listener{Local: addrPort("0.0.0.0:80"), Cookie: cookie, Drops: &drops}
	}
	f := derive(two(
		&snapshot.Snapshot{Sockets: &snapshot.Sockets{Listeners: []snapshot.Listener{listener(1, math.MaxUint32), listener(0, 1)}}},
		&snapshot.Snapshot{Sockets: &snapshot.Sockets{Listeners: []snapshot.Listener{listener(1, 9), listener(2, 5), listener(0, 7)}}},
	))
	var got []string
	for _, l := range f.Listeners {
		text := "unknown"
		if l.Drops != nil {
			text = fmt.Sprint(*l.Drops, *l.DropsPerSecond, l.QueueBefore != nil)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"10 1 true", "5 0.5 false", "unknown"}, got); diff != "" {
		t.Errorf("drops (-want +got)\n%s", diff)
	}
}

// FuzzDerive: whatever a saved window holds, deriving does not panic, gives the
// same facts again and no number that is none.
func FuzzDerive(f *testing.F) {
	for _, w := range []*snapshot.Window{fullWindow(), troubledWindow(), one(&snapshot.Snapshot{}), one(&snapshot.Snapshot{Sockets: &snapshot.Sockets{}})} {
		var b bytes.Buffer
		if err := w.Encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"schema_version":1,"to":{"sockets":{"ports":{"low":9,"high":3,"reserved":-5,"known":true},"closer":{"looked":true},"destinations":[{}],"open":[{"state":"syn_recv"}]}}}`))
	catalogue := sysctl.LoadCatalogue()
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := snapshot.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := Derive(w, catalogue)
		if diff := cmp.Diff(first, Derive(w, catalogue), cmp.AllowUnexported(Facts{}, Files{}, sysctlValues{})); diff != "" {
			t.Fatalf("facts differ (-first +again)\n%s", diff)
		}
	})
}
