// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// Bounds of what one fold keeps, so that a hostile or very large socket table
// costs bounded memory. What goes beyond them is counted.
const (
	maxOpenPerState = 20000 // sockets of one state kept one by one
	maxKept         = 1000  // destinations in the result, largest first: more than anybody reads
	maxClients      = 64
	maxClientPeers  = 1024
	maxInodes       = 16 // inodes kept of one destination or client, to name the holders
	maxTop          = 5  // entries of a list of the largest
)

// timeWaitLen is how long a socket stays in TIME_WAIT, whatever any sysctl
// says: TCP_TIMEWAIT_LEN of include/net/tcp.h.
const timeWaitLen = 60 * time.Second

// destinationKey is what a local port must be unique for.
type destinationKey struct {
	source netip.Addr
	peer   netip.AddrPort
}

// fold takes sockets one by one and keeps what rules need of them.
type fold struct {
	out        *Sockets
	seen       stateCounts
	reuseDelay time.Duration
	reserved   PortSet

	listening    PortSet
	destinations *groups[destinationKey, Destination]
	mini         int64 // mini-sockets that are not in TIME_WAIT
	clients      map[uint32]*clientFold
	lost         int64 // sockets of clients beyond maxClients
	timeWait     *timeWaitFold
	sample       *Sample // nil until ESTABLISHED sockets are looked at one by one
	partial      bool    // a time budget ran out
}

type clientFold struct {
	Client
	ports PortSet
	peers map[netip.AddrPort]struct{}
}

type timeWaitFold struct {
	total, listening int64
	ports            map[uint16]int64
	peers            *groups[netip.AddrPort, struct{}] // of sockets that are in no destination's group
}

func newFold(ports PortRange, reserved PortSet, reuseDelay time.Duration) *fold {
	return &fold{
		out: &Sockets{
			States: make(map[string]int64),
			Ports:  ports,
		},
		reuseDelay:   reuseDelay,
		reserved:     reserved,
		destinations: newGroups[destinationKey, Destination](maxExactGroups, maxCounters),
		clients:      make(map[uint32]*clientFold),
	}
}

// add folds one socket of any state. Listeners must come first: they decide
// which of the others are inbound.
func (f *fold) add(s *sockdiag.Socket) {
	f.seen[s.State]++
	switch s.State {
	case sockdiag.StateListen:
		f.addListener(s)
	case sockdiag.StateEstablished, sockdiag.StateTimeWait:
		f.addEstablishedOrTimeWait(s)
	default:
		f.addOpen(s)
	}
}

// count puts the number of sockets that were added into the result, by state.
func (f *fold) count() { maps.Copy(f.out.States, f.seen.byName()) }

func (f *fold) addListener(s *sockdiag.Socket) {
	l := Listener{
		Local: s.Source, IPv6: s.IPv6, UID: s.UID, Inode: s.Inode, Cookie: s.Cookie,
		Queue: s.ReceiveQueue,
	}
	if n, ok := s.Backlog(); ok {
		l.Backlog = &n
	}
	if s.Memory != nil && s.Memory.Drops != nil {
		drops := *s.Memory.Drops
		l.Drops = &drops
	}
	port := s.Source.Port()
	if f.listening.Add(port) && f.out.Ports.Contains(port) && !f.reserved.Has(port) {
		f.out.Ports.Held++
	}
	if !f.full(s.State) {
		f.out.Listeners = append(f.out.Listeners, l)
	}
}

// full reports whether enough sockets of a state were kept one by one, and
// counts those that are not.
func (f *fold) full(state sockdiag.State) bool {
	if f.seen[state] <= maxOpenPerState {
		return false
	}
	if f.out.Dropped == nil {
		f.out.Dropped = make(map[string]int64)
	}
	f.out.Dropped[state.String()]++
	return true
}

func (f *fold) addOpen(s *sockdiag.Socket) {
	mini := s.Timer == sockdiag.TimerTimeWait
	if mini {
		f.mini++
	}
	if d := f.destination(s); d != nil {
		d.Other++
		d.sample(s)
	}
	if f.full(s.State) {
		return
	}
	open := Socket{
		State: s.State, Local: s.Source, Peer: s.Destination, UID: s.UID, Inode: s.Inode, Cookie: s.Cookie,
		Receive: s.ReceiveQueue, Send: s.SendQueue, Retried: s.Retransmits, Mini: mini,
	}
	if s.Timer != sockdiag.TimerNone {
		open.Timer = s.Timer.String()
	}
	if s.Info != nil {
		if heard, ok := s.Info.LastAckRecv(); ok {
			seconds := heard.Seconds()
			open.LastHeard = &seconds
		}
	}
	f.out.Open = append(f.out.Open, open)
}

func (f *fold) addEstablishedOrTimeWait(s *sockdiag.Socket) {
	timeWait := s.State == sockdiag.StateTimeWait
	if !timeWait && f.sample != nil {
		f.addConnection(s) // text tables are read once for everything
	}
	d := f.destination(s)
	if timeWait && f.timeWait != nil {
		f.timeWait.add(s, f.listening.Has(s.Source.Port()), d != nil)
	}
	if d == nil {
		return
	}
	if timeWait {
		d.TimeWait++
		if timeWaitLen-s.Expires < f.reuseDelay {
			d.Young++
		}
		return
	}
	d.Established++
	d.sample(s)
	f.addClient(s)
}

// outgoing reports whether a socket's local port is one that connect() chose:
// a port outside the range is not taken from it, and a port with a listener is
// the server's side.
func (f *fold) outgoing(s *sockdiag.Socket) bool {
	port := s.Source.Port()
	return s.Destination.IsValid() && s.Destination.Port() != 0 && !f.listening.Has(port) &&
		f.out.Ports.Contains(port) && !f.reserved.Has(port)
}

// destination is the group of an outgoing socket, nil for all others.
func (f *fold) destination(s *sockdiag.Socket) *Destination {
	if !f.outgoing(s) {
		return nil
	}
	return f.destinations.add(destinationKey{source: s.Source.Addr(), peer: s.Destination})
}

// sample notes who owns a socket to the destination. Without an inode the
// kernel tells no owner: uid 0 means nothing then.
func (d *Destination) sample(s *sockdiag.Socket) {
	if s.Inode == 0 {
		return
	}
	uid := s.UID
	d.UID = &uid
	if len(d.Inodes) < maxInodes {
		d.Inodes = append(d.Inodes, s.Inode)
	}
}

func (f *fold) addClient(s *sockdiag.Socket) {
	c := f.clients[s.UID]
	if c == nil {
		if len(f.clients) >= maxClients {
			f.lost++
			return
		}
		c = &clientFold{Client: Client{UID: s.UID}, peers: make(map[netip.AddrPort]struct{})}
		f.clients[s.UID] = c
	}
	c.Sockets++
	if c.ports.Add(s.Source.Port()) {
		c.Ports++
	}
	if len(c.peers) < maxClientPeers {
		c.peers[s.Destination] = struct{}{}
	}
	if s.Inode != 0 && len(c.Inodes) < maxInodes {
		c.Inodes = append(c.Inodes, s.Inode)
	}
}

func (t *timeWaitFold) add(s *sockdiag.Socket, listening, grouped bool) {
	t.total++
	switch {
	case listening:
		t.listening++
		t.ports[s.Source.Port()]++
	case !grouped:
		t.peers.add(s.Destination)
	}
}

// timeWaitPeers is the number of sockets in TIME_WAIT by peer.
func (f *fold) timeWaitPeers() map[netip.AddrPort]int64 {
	peers := f.timeWait.peers.seen()
	for _, g := range f.destinations.list() {
		if g.value.TimeWait > 0 {
			peers[g.key.peer] += g.value.TimeWait
		}
	}
	return peers
}

// cut reports whether there were too many peers to count each.
func (t *timeWaitFold) cut() bool { return t != nil && t.peers.missed() > 0 }

// finish moves the groups into the result, largest first.
func (f *fold) finish() *Sockets {
	for _, g := range f.destinations.list() {
		d := g.value
		d.Source, d.Peer, d.Missed = g.key.source, g.key.peer, g.missed
		f.out.Destinations = append(f.out.Destinations, d)
	}
	slices.SortFunc(f.out.Destinations, compareDestinations)
	f.out.Destinations = f.out.Destinations[:min(len(f.out.Destinations), maxKept)]
	for _, c := range f.clients {
		c.Destinations = int64(len(c.peers))
		f.out.Clients = append(f.out.Clients, c.Client)
	}
	slices.SortFunc(f.out.Clients, func(a, b Client) int { return cmp.Compare(a.UID, b.UID) })
	if t := f.timeWait; t != nil {
		f.out.TimeWait = &TimeWait{
			Total: t.total, Listening: t.listening,
			Ports: topCounts(t.ports, func(p uint16) string { return ":" + portString(p) }),
			Peers: topCounts(f.timeWaitPeers(), netip.AddrPort.String),
		}
	}
	f.countConnections()
	f.out.Sample = f.sample
	f.out.Complete = !f.partial && f.destinations.missed() == 0 && !f.timeWait.cut() && f.lost == 0 && len(f.out.Dropped) == 0
	return f.out
}

func compareDestinations(a, b Destination) int {
	return cmp.Or(
		cmp.Compare(b.Ports(), a.Ports()),
		a.Peer.Compare(b.Peer),
		a.Source.Compare(b.Source),
	)
}

// countConnections counts the kept sockets of each listener by state.
func (f *fold) countConnections() {
	byPort := make(map[uint16][]*Listener)
	for i := range f.out.Listeners {
		l := &f.out.Listeners[i]
		byPort[l.Local.Port()] = append(byPort[l.Local.Port()], l)
	}
	for i := range f.out.Open {
		s := &f.out.Open[i]
		for _, l := range byPort[s.Local.Port()] {
			if !l.accepts(s.Local.Addr()) {
				continue
			}
			if l.Connections == nil {
				l.Connections = make(map[string]int64)
			}
			l.Connections[s.State.String()]++
		}
	}
}

// accepts reports whether a connection to addr may belong to the listener. One
// on :: takes IPv4 too, unless IPV6_V6ONLY is set, which cannot be seen.
func (l *Listener) accepts(addr netip.Addr) bool {
	local := l.Local.Addr()
	return local == addr || local.IsUnspecified() && (local.Is6() || addr.Is4())
}

// topCounts returns the largest entries of m, most first.
func topCounts[K comparable](m map[K]int64, name func(K) string) []Count {
	counts := Counts(m, name)
	return counts[:min(len(counts), maxTop)]
}

// Counts lists the entries of m, most first, and of equals by name.
func Counts[K comparable](m map[K]int64, name func(K) string) []Count {
	counts := make([]Count, 0, len(m))
	for k, n := range m {
		counts = append(counts, Count{Name: name(k), Count: n})
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return counts
}
