// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// A capture is what ss, sysctl and cat of /proc files printed at one moment of an
// experiment: testdata/captures/NAME.*. Its README.md says how it was made, and
// what a window adds.
type capture struct {
	name    string
	seconds float64 // from the making of the namespace, or the start of the traffic, to the moment
	// aged: CLOSE_WAIT and FIN_WAIT2 sockets count as seen at both ends of the
	// window. One moment cannot show how long they have been there.
	aged bool
}

func (c capture) path(suffix string) string { return filepath.Join(capturesDir, c.name+"."+suffix) }

func (c capture) read(suffix string) (string, error) {
	text, err := os.ReadFile(c.path(suffix))
	return string(text), err
}

// list reads what ss printed of every socket, which is compressed.
func (c capture) list() (string, error) {
	f, err := os.Open(c.path("ss-tanoempi.gz"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(z)
	return string(text), err
}

// window converts the capture. Its first snapshot is an explicit zero: the
// namespace was new, so it had no socket and its counters stood at 0.
func (c capture) window(t *testing.T) (*Window, error) {
	values, absent, err := c.sysctls()
	if err != nil {
		return nil, err
	}
	d, err := c.tree(t, values)
	if err != nil {
		return nil, err
	}
	to, err := c.snapshot(t, d, slices.Sorted(maps.Keys(values)))
	if err != nil {
		return nil, err
	}
	to.Absent = absent
	return &Window{SchemaVersion: SchemaVersion, Tool: "capture " + c.name, From: c.zero(to), To: to}, nil
}

// sysctls reads the keys that were saved. A key that does not exist in the
// namespace is a comment with the error.
func (c capture) sysctls() (values map[string]string, absent []string, err error) {
	text, err := c.read("sysctl")
	if err != nil {
		return nil, nil, err
	}
	// Read-only, so it is the same in every namespace of the machine; negative
	// where the table is the machine's.
	values = map[string]string{"net.ipv4.tcp_ehash_entries": "-262144"}
	for line := range strings.Lines(text) {
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			key, _, _ := strings.Cut(comment, ":")
			absent = append(absent, key)
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			return nil, nil, fmt.Errorf("%q is no line key = value", line)
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return values, absent, nil
}

// tree lays the saved files out as /proc has them. There is no socket in it:
// those come from ss.
func (c capture) tree(t *testing.T, values map[string]string) (tree, error) {
	d := newTree(t, map[string]string{
		"proc/sys/kernel/osrelease":     "6.18.44\n",
		"sys/devices/system/cpu/online": "0-1\n",
		"proc/net/tcp":                  "sl\n",
	})
	for _, name := range []string{"netstat", "snmp", "sockstat", "sockstat6", "softnet_stat", "stat/nf_conntrack"} {
		text, err := c.read("proc-net-" + strings.ReplaceAll(name, "/", "-"))
		if err != nil {
			return "", err
		}
		d.write("proc/net/"+name, text)
	}
	for key, value := range values {
		d.write("proc/sys/"+strings.ReplaceAll(key, ".", "/"), value+"\n")
	}
	return d, nil
}

// snapshot collects the tree, and the sockets that ss printed as if the kernel
// had told them.
func (c capture) snapshot(t *testing.T, d tree, names []string) (*Snapshot, error) {
	collector, err := NewCollector(Options{Root: string(d), Keys: keys(names...), Tool: "capture"})
	if err != nil {
		return nil, err
	}
	s, err := collector.end(t.Context(), nil)
	if err != nil {
		return nil, err
	}
	// One gap for all that a collector looks for, and will look for one day.
	s.Gaps = []Gap{{Source: "other files of /proc, /sys and /etc", Reason: "not saved in this capture"}}
	// A thrown-away namespace; the clock starts with it.
	s.Host.Initial, s.Uptime, s.Taken, s.Cost = ptr(false), &c.seconds, time.Unix(0, 0).UTC(), 0
	list, counted, err := c.sockets()
	if err != nil {
		return nil, err
	}
	table := &fakeTable{method: sockdiag.MethodSockDiag}
	for _, socket := range list {
		table.sockets = append(table.sockets, socket.Socket)
	}
	table.sockets = append(table.sockets, alike(table.sockets, int(counted[sockdiag.StateTimeWait.String()]))...)
	ports, reserved := collector.portRange(s)
	f := newFold(ports, reserved, collector.reuseDelay())
	if err := (&tiers{dumper: table, fold: f, counts: func() (int64, int64, bool) { return countSockstat(s.Sockstat) }}).collect(t.Context()); err != nil {
		return nil, err
	}
	s.Sockets = f.finish()
	s.Sockets.recount(counted)
	s.noteDropped()
	s.addHolders(list)
	return s, c.addDescriptors(s)
}

// sockets returns the sockets that ss listed, and how many it counted in each
// state: the list was cut at 200.
func (c capture) sockets() (list []ssSocket, counted map[string]int64, err error) {
	text, err := c.list()
	if err != nil {
		return nil, nil, err
	}
	var only sockdiag.State
	if strings.HasPrefix(text, "Recv-Q") {
		only = sockdiag.StateSynRecv // the only state that was listed alone
	}
	if list, err = parseSS(text, only); err != nil {
		return nil, nil, fmt.Errorf("ss-tanoempi: %w", err)
	}
	if only != 0 {
		if text, err = c.read("ss-ltnp"); err != nil {
			return nil, nil, err
		}
		listeners, err := parseSS(text, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("ss-ltnp: %w", err)
		}
		list = append(listeners, list...)
	}
	if text, err = c.read("ss-states"); err != nil {
		return nil, nil, err
	}
	counted = make(map[string]int64)
	for line := range strings.Lines(text) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || ssStates()[name] == 0 {
			return nil, nil, fmt.Errorf("ss-states: %q: %w", line, err)
		}
		counted[ssStates()[name].String()] = n
	}
	return list, counted, nil
}

// alike returns the TIME_WAIT sockets that ss did not list any more. Each
// experiment had one client and one server, so they differ from the last one
// that was listed by the client's port, which lies outside the ports listed.
func alike(list []sockdiag.Socket, total int) []sockdiag.Socket {
	timeWait := slices.DeleteFunc(slices.Clone(list), func(s sockdiag.Socket) bool { return s.State != sockdiag.StateTimeWait })
	if len(timeWait) == 0 {
		return nil
	}
	last := timeWait[len(timeWait)-1]
	client := &last.Source
	if slices.ContainsFunc(list, func(s sockdiag.Socket) bool { return s.State == sockdiag.StateListen }) {
		client = &last.Destination // the listener's side
	}
	var used PortSet
	for _, s := range timeWait {
		used.Add(s.Source.Port())
		used.Add(s.Destination.Port())
	}
	var more []sockdiag.Socket
	for port := client.Port(); len(timeWait)+len(more) < total; port++ {
		if used.Add(port) {
			*client = netip.AddrPortFrom(client.Addr(), port)
			last.Cookie = 0
			more = append(more, last)
		}
	}
	return more
}

// recount takes over the true numbers by state. Those that were not listed are
// dropped, as where a table is too large to be kept.
func (s *Sockets) recount(counted map[string]int64) {
	kept := make(map[string]int64)
	for i := range s.Open {
		kept[s.Open[i].State.String()]++
	}
	for state, n := range counted {
		if cut := n - kept[state]; kept[state] > 0 && cut > 0 {
			if s.Dropped == nil {
				s.Dropped = make(map[string]int64)
			}
			s.Dropped[state] = cut
			s.Complete = false
		}
	}
	s.States = counted
	// What ss printed of each connection is not read: nothing is known of them.
	s.Sample = nil
	s.Tiers = slices.DeleteFunc(s.Tiers, func(tier int) bool { return tier == tierSample })
}

// addHolders names the holders that ss printed. How many descriptors they have
// open it does not say: at least those of the sockets that it listed.
func (s *Snapshot) addHolders(list []ssSocket) {
	type ends struct{ local, peer netip.AddrPort }
	owners := make(map[ends][]int)
	heard := make(map[ends]*float64)
	s.Processes = make(map[int]Process)
	for _, socket := range list {
		e := ends{socket.Source, socket.Destination}
		heard[e] = socket.lastHeard
		for _, holder := range socket.holders {
			owners[e] = append(owners[e], holder.pid)
			p := s.Processes[holder.pid]
			p.Name = holder.name
			p.FDs++
			s.Processes[holder.pid] = p
		}
	}
	for i := range s.Sockets.Listeners {
		l := &s.Sockets.Listeners[i]
		l.Owners = owners[ends{l.Local, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}]
	}
	for i := range s.Sockets.Open {
		o := &s.Sockets.Open[i]
		e := ends{o.Local, o.Peer}
		o.Owners, o.LastHeard = owners[e], heard[e]
	}
	s.Sockets.Tiers = append(s.Sockets.Tiers, tierHolders)
}

// addDescriptors takes over the descriptors of a process that NAME.json counted.
func (c capture) addDescriptors(s *Snapshot) error {
	text, err := c.read("json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var numbers struct {
		FD *struct {
			PID             int
			FDs, Soft, Hard int64
		} `json:"fd"`
	}
	if err := json.Unmarshal([]byte(text), &numbers); err != nil || numbers.FD == nil {
		return err
	}
	p := s.Processes[numbers.FD.PID]
	p.FDs, p.FDSoft, p.FDHard = numbers.FD.FDs, &numbers.FD.Soft, &numbers.FD.Hard
	s.Processes[numbers.FD.PID] = p
	return nil
}

// zero is the namespace when it was new.
func (c capture) zero(to *Snapshot) *Snapshot {
	from := &Snapshot{Taken: to.Taken, Uptime: ptr(0.0), Host: to.Host, Counters: make(procnet.Counters), Sockets: &Sockets{
		Method: to.Sockets.Method, Tiers: []int{tierText, tierOpen}, Complete: true, States: map[string]int64{}, Counted: to.Sockets.Counted,
		Mini: ptr[int64](0), Listeners: []Listener{}, Open: []Socket{}, Ports: to.Sockets.Ports,
	}}
	for name := range to.Counters {
		from.Counters[name] = 0
	}
	if to.Conntrack != nil {
		from.Conntrack = &Conntrack{Loaded: to.Conntrack.Loaded, Count: ptr[int64](0), Max: to.Conntrack.Max, Drops: ptr[uint64](0), EarlyDrops: ptr[uint64](0)}
	}
	for _, o := range to.Sockets.Open {
		if c.aged && (o.State == sockdiag.StateCloseWait || o.State == sockdiag.StateFinWait2) {
			from.Sockets.Open = append(from.Sockets.Open, o)
			from.Sockets.States[o.State.String()]++
		}
	}
	return from
}
