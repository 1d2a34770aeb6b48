// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

func TestFinSent(t *testing.T) {
	socket := func(state sockdiag.State, timer string, retried uint8, cookie uint64, inode uint32) snapshot.Socket {
		return snapshot.Socket{
			State: state, Local: addrPort("198.18.0.2:80"), Peer: addrPort("198.18.0.1:9"),
			Timer: timer, Retried: retried, Cookie: cookie, Inode: inode,
		}
	}
	const wait1, ack, closing = sockdiag.StateFinWait1, sockdiag.StateLastAck, sockdiag.StateClosing
	before := &snapshot.Snapshot{Sockets: &snapshot.Sockets{Open: []snapshot.Socket{
		socket(closing, "", 0, 1, 0), socket(ack, "", 0, 2, 0), socket(closing, "", 0, 3, 0),
	}}}
	now := &snapshot.Snapshot{Sockets: &snapshot.Sockets{
		States:  map[string]int64{"fin_wait1": 104, "last_ack": 3, "closing": 3},
		Dropped: map[string]int64{"fin_wait1": 100},
		Open: []snapshot.Socket{
			socket(wait1, "retransmit", 2, 10, 0), socket(wait1, "retransmit", 1, 11, 0),
			socket(wait1, "probe", 5, 12, 0), socket(wait1, "retransmit", 5, 13, 77), // a slow reader; held by a process
			socket(ack, "retransmit", 2, 14, 0), socket(ack, "none", 0, 15, 0), socket(ack, "retransmit", 6, 16, 78),
			socket(closing, "", 0, 1, 0), socket(closing, "", 0, 2, 0), socket(closing, "", 0, 17, 0),
		},
	}}
	want := &FinSent{
		FinWait1: ptr[int64](78), FinWait1Retried: ptr[int64](26), FinWait1Peers: ptr("198.18.0.1 (3)"),
		LastAckRetried: ptr[int64](2), LastAckPeers: ptr("198.18.0.1 (3)"),
		ClosingStayed: ptr[int64](1), ClosingPeers: ptr("198.18.0.1 (3)"),
	}
	if diff := cmp.Diff(want, derive(two(before, now)).FinSent); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	quiet := derive(one(&snapshot.Snapshot{Sockets: &snapshot.Sockets{}})).FinSent
	want = &FinSent{FinWait1: ptr[int64](0), FinWait1Retried: ptr[int64](0), LastAckRetried: ptr[int64](0)}
	if diff := cmp.Diff(want, quiet); diff != "" {
		t.Errorf("without a window (-want +got)\n%s", diff)
	}
}
