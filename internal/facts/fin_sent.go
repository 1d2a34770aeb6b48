// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"net/netip"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// FinSent describes the sockets that this host has closed and whose FIN, or
// data before it, the peer has not acknowledged.
type FinSent struct {
	FinWait1        *int64  `cel:"fin_wait1" doc:"FIN_WAIT1 sockets that no process holds (orphans)"`
	FinWait1Retried *int64  `cel:"fin_wait1_retried" doc:"of these those that wait for an answer after two retransmissions or more"`
	FinWait1Peers   *string `cel:"fin_wait1_peers" doc:"top peers of these, as text"`
	LastAckRetried  *int64  `cel:"last_ack_retried" doc:"LAST_ACK sockets that wait for an answer after two retransmissions or more"`
	LastAckPeers    *string `cel:"last_ack_peers" doc:"top peers of the LAST_ACK sockets, as text"`
	ClosingStayed   *int64  `cel:"closing_stayed" window:"yes" doc:"CLOSING sockets that were there at both ends of the window"`
	ClosingPeers    *string `cel:"closing_peers" doc:"top peers of the CLOSING sockets, as text"`
}

// retriedOften is how many retransmissions without an answer are no accident.
const retriedOften = 2

// finSent derives what the sockets in FIN_WAIT1, LAST_ACK and CLOSING say.
func (d *derivation) finSent() {
	before := d.openAtStart(sockdiag.StateClosing)
	var finWait1, finWait1Retried, lastAckRetried, stayed int64
	var finWait1Peers, lastAckPeers, closingPeers tally[netip.Addr]
	for i := range d.to.Sockets.Open {
		s := &d.to.Sockets.Open[i]
		silent := s.Timer == sockdiag.TimerRetransmit.String() && s.Retried >= retriedOften
		switch s.State {
		case sockdiag.StateFinWait1:
			if s.Inode != 0 {
				continue
			}
			finWait1++
			finWait1Peers.add(s.Peer.Addr(), 1)
			if silent {
				finWait1Retried++
			}
		case sockdiag.StateLastAck:
			lastAckPeers.add(s.Peer.Addr(), 1)
			if silent {
				lastAckRetried++
			}
		case sockdiag.StateClosing:
			closingPeers.add(s.Peer.Addr(), 1)
			if before[s.ID()] != nil {
				stayed++
			}
		}
	}
	finWait1, finWait1Retried = d.whole(sockdiag.StateFinWait1, finWait1), d.whole(sockdiag.StateFinWait1, finWait1Retried)
	lastAckRetried = d.whole(sockdiag.StateLastAck, lastAckRetried)
	f := &FinSent{FinWait1: &finWait1, FinWait1Retried: &finWait1Retried, LastAckRetried: &lastAckRetried}
	d.facts.FinSent = f
	f.FinWait1Peers, f.LastAckPeers = known(finWait1Peers.text(netip.Addr.String)), known(lastAckPeers.text(netip.Addr.String))
	f.ClosingPeers = known(closingPeers.text(netip.Addr.String))
	if before != nil {
		f.ClosingStayed = &stayed
	}
}

// whole stretches a count among the sockets that were kept one by one to all
// of the state. Beyond the bound the rest shares the proportions of those that
// were kept, which came in random order.
func (d *derivation) whole(state sockdiag.State, counted int64) int64 {
	cut := d.to.Sockets.Dropped[state.String()]
	if cut == 0 {
		return counted
	}
	kept := d.to.Sockets.States[state.String()] - cut
	return counted + int64(float64(cut)*share(counted, kept))
}
