// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// sockets derives the counts by state.
func (d *derivation) sockets() {
	in := d.to.Sockets
	s := &Sockets{Mini: in.Mini}
	d.facts.Sockets = s
	counted := func(state sockdiag.State) *int64 {
		n := in.States[state.String()]
		if _, ok := in.States[state.String()]; !ok && (!d.walked() && state != sockdiag.StateListen || in.Counted == "" &&
			(state == sockdiag.StateEstablished || state == sockdiag.StateTimeWait)) {
			return nil
		}
		return &n
	}
	var total int64
	for state, to := range map[sockdiag.State]**int64{
		sockdiag.StateEstablished: &s.Established, sockdiag.StateSynSent: &s.SynSent, sockdiag.StateSynRecv: &s.SynRecv,
		sockdiag.StateFinWait1: &s.FinWait1, sockdiag.StateFinWait2: &s.FinWait2, sockdiag.StateTimeWait: &s.TimeWait,
		sockdiag.StateClose: &s.Close, sockdiag.StateCloseWait: &s.CloseWait, sockdiag.StateLastAck: &s.LastAck,
		sockdiag.StateListen: &s.Listen, sockdiag.StateClosing: &s.Closing,
	} {
		*to = counted(state)
		if *to != nil {
			total += **to
		}
	}
	if s.Established != nil && s.TimeWait != nil {
		s.Total = &total
	}
	if d.walked() {
		d.openSockets(s)
	}
	d.timeWait(s)
	var largest int64
	known := true
	for _, l := range in.Listeners {
		if l.Backlog == nil {
			known = false
			continue
		}
		largest = max(largest, int64(*l.Backlog))
	}
	if known {
		s.LargestBacklog = &largest
	}
}

// walked reports whether more than the listeners were looked at: of a network
// namespace among many they may be all that was.
func (d *derivation) walked() bool { return !d.to.Sockets.ListenersOnly() }

// openSockets derives what single sockets of the less common states say.
func (d *derivation) openSockets(s *Sockets) {
	in := d.to.Sockets
	var unowned int64
	var finWait2Peers tally[netip.Addr]
	var synListeners tally[uint16]
	synAddresses := make(map[netip.Addr]bool)
	for i := range in.Open {
		o := &in.Open[i]
		switch o.State {
		case sockdiag.StateFinWait2:
			if o.Inode == 0 {
				unowned++
			}
			finWait2Peers.add(o.Peer.Addr(), 1)
		case sockdiag.StateSynRecv:
			synListeners.add(o.Local.Port(), 1)
			synAddresses[o.Peer.Addr()] = true
		}
	}
	unowned = d.whole(sockdiag.StateFinWait2, unowned)
	peers := finWait2Peers.text(netip.Addr.String)
	portName := func(p uint16) string { return ":" + itoa(int(p)) }
	listener := ""
	if port, n := synListeners.top(portName); n > 0 {
		listener = portName(port)
	}
	addresses := int64(len(synAddresses))
	s.FinWait2Unowned, s.FinWait2Peers = &unowned, &peers
	s.SynRecvListener, s.SynRecvAddresses = &listener, &addresses
}

func (d *derivation) timeWait(s *Sockets) {
	t := d.to.Sockets.TimeWait
	if t == nil {
		return
	}
	part := share(t.Listening, t.Total)
	listeners, destinations := listText(t.Ports), listText(t.Peers)
	s.TimeWaitListenShare, s.TimeWaitListeners, s.TimeWaitDestinations = &part, &listeners, &destinations
}

// ports derives how full the ephemeral range is.
func (d *derivation) ports() {
	in := d.to.Sockets
	d.facts.Ports = &Ports{}
	if !d.ranged {
		return
	}
	low, high, size, held := int64(in.Ports.Low), int64(in.Ports.High), in.Ports.Size(), int64(in.Ports.Held)
	p := d.facts.Ports
	p.Low, p.High, p.Size, p.Held = &low, &high, &size, &held
	overlap, reserve := d.listeningPorts()
	p.Overlap, p.Reserve = &overlap, &reserve
	d.maxUse(p, size)
}

func (d *derivation) maxUse(p *Ports, size int64) {
	closer := d.to.Sockets.Closer
	var use float64
	switch {
	case closer.Looked:
		for i := range d.to.Sockets.Destinations {
			dest := d.destination(&d.to.Sockets.Destinations[i])
			use = max(use, dest.Use)
		}
	case closer.AtMost != nil && size > 0:
		use = float64(*closer.AtMost) / float64(size)
	default:
		return
	}
	p.MaxUse, p.Exact = &use, &closer.Looked
}

// firstDynamicPort begins the range that IANA leaves to programs that let the
// kernel choose (RFC 6335 section 6).
const firstDynamicPort = 49152

// listeningPorts returns the listening ports inside the range that nothing
// protects, and the list of reserved ports that would protect every listener.
// A port that bind(0) may have chosen needs no protection: any will do.
func (d *derivation) listeningPorts() (overlap, reserve string) {
	ports := d.to.Sockets.Ports
	reserved := d.reserved
	var open snapshot.PortSet
	for _, l := range d.to.Sockets.Listeners {
		port := l.Local.Port()
		if port < 1024 || (port >= firstDynamicPort && l.UID != 0) {
			continue
		}
		if ports.Contains(port) && !d.reserved.Has(port) {
			open.Add(port)
		}
		reserved.Add(port)
	}
	var list []string
	for port := int(ports.Low); port <= int(ports.High); port++ {
		if open.Has(uint16(port)) {
			list = append(list, itoa(port))
		}
	}
	return strings.Join(list, ","), reserved.String()
}

// listeners derives one fact per listening socket.
func (d *derivation) listeners() {
	before := make(map[uint64]*snapshot.Listener)
	if start := d.start(); start != nil {
		for i := range start.Listeners {
			l := &start.Listeners[i]
			if l.Cookie != 0 {
				before[l.Cookie] = l
			}
		}
	}
	unowned := d.unownedCloseWait()
	d.facts.Listeners = []*Listener{}
	for i := range d.to.Sockets.Listeners {
		in := &d.to.Sockets.Listeners[i]
		l := &Listener{
			Address: in.Local.String(), Port: int64(in.Local.Port()), Loopback: in.Local.Addr().IsLoopback(),
			Process: d.owner(in.Owners, in.UID), UID: int64(in.UID), Queue: int64(in.Queue),
		}
		if d.walked() {
			synRecv, closeWait := in.Connections[sockdiag.StateSynRecv.String()], in.Connections[sockdiag.StateCloseWait.String()]
			notAccepted := unowned[in.Local.Port()]
			l.SynRecv, l.CloseWait, l.CloseWaitUnowned = &synRecv, &closeWait, &notAccepted
		}
		if in.Backlog != nil {
			n := int64(*in.Backlog)
			l.Backlog = &n
		}
		if d.ranged {
			inRange, reserved := d.to.Sockets.Ports.Contains(in.Local.Port()), d.reserved.Has(in.Local.Port())
			l.InRange, l.Reserved = &inRange, &reserved
		}
		d.listenerDrops(l, in, before[in.Cookie])
		d.facts.Listeners = append(d.facts.Listeners, l)
	}
}

// listenerDrops compares a listener with itself at the start of the window. A
// listener that was not there then started with none.
func (d *derivation) listenerDrops(l *Listener, now, before *snapshot.Listener) {
	if before != nil {
		queue := int64(before.Queue)
		l.QueueBefore = &queue
	}
	if now.Drops == nil {
		return
	}
	total := int64(*now.Drops)
	l.DropsTotal = &total
	if d.start() == nil || now.Cookie == 0 {
		return
	}
	var start uint32
	switch {
	case before == nil:
	case before.Drops == nil:
		return
	default:
		start = *before.Drops
	}
	drops := int64(*now.Drops - start) // a 32-bit counter: the difference survives the wrap
	perSecond := float64(drops) / d.seconds
	l.Drops, l.DropsPerSecond = &drops, &perSecond
}

// unownedCloseWait counts, by local port, CLOSE_WAIT sockets that no process
// has accepted.
func (d *derivation) unownedCloseWait() map[uint16]int64 {
	counts := make(map[uint16]int64)
	for i := range d.to.Sockets.Open {
		if o := &d.to.Sockets.Open[i]; o.State == sockdiag.StateCloseWait && o.Inode == 0 {
			counts[o.Local.Port()]++
		}
	}
	return counts
}

// networks groups half-open inbound connections by source network.
func (d *derivation) networks() {
	type group struct {
		count, retried int64
		addresses      map[netip.Addr]bool
	}
	groups := make(map[netip.Prefix]*group)
	var total int64
	for i := range d.to.Sockets.Open {
		o := &d.to.Sockets.Open[i]
		if o.State != sockdiag.StateSynRecv {
			continue
		}
		prefix := networkOf(o.Peer.Addr())
		if !prefix.IsValid() {
			continue // no address, in a damaged file
		}
		g := groups[prefix]
		if g == nil {
			g = &group{addresses: make(map[netip.Addr]bool)}
			groups[prefix] = g
		}
		total++
		g.count++
		if o.Retried > 0 {
			g.retried++
		}
		g.addresses[o.Peer.Addr()] = true
	}
	d.facts.Networks = []*Network{}
	for prefix, g := range groups {
		d.facts.Networks = append(d.facts.Networks, &Network{
			Prefix: prefix.String(), SynRecv: g.count, Share: share(g.count, total),
			Retried: g.retried, Addresses: int64(len(g.addresses)),
		})
	}
	slices.SortFunc(d.facts.Networks, func(a, b *Network) int { return strings.Compare(a.Prefix, b.Prefix) })
}

// owner names the holders of a socket, or its user where they are hidden.
func (d *derivation) owner(pids []int, uid uint32) string {
	if len(pids) == 0 {
		return hiddenName(uid)
	}
	return d.names(pids)
}

func hiddenName(uid uint32) string { return fmt.Sprintf("a process of uid %d", uid) }

// names names several processes: "nginx[7], nginx[8]", or "nginx[7] and 5 more".
func (d *derivation) names(pids []int) string {
	if more := len(pids) - 1; more >= maxListed {
		return fmt.Sprintf("%s and %d more", d.name(pids[0]), more)
	}
	var parts []string
	for _, pid := range pids {
		parts = append(parts, d.name(pid))
	}
	return strings.Join(parts, ", ")
}

func (d *derivation) name(pid int) string {
	p, ok := d.to.Processes[pid]
	if !ok || p.Name == "" {
		return fmt.Sprintf("[%d]", pid)
	}
	return fmt.Sprintf("%s[%d]", p.Name, pid)
}
