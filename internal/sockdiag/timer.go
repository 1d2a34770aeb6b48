// SPDX-License-Identifier: Apache-2.0

package sockdiag

import "fmt"

// A Timer is the timer that is running on a socket, by the number that
// idiag_timer and the "tr" column of /proc/net/tcp use.
type Timer uint8

// The timers of a socket.
const (
	TimerNone       Timer = 0
	TimerRetransmit Timer = 1 // also the SYN-ACK timer, the loss probe and the reordering timer
	TimerKeepalive  Timer = 2 // also the FIN_WAIT_2 timer of a socket without an owner
	TimerTimeWait   Timer = 3
	TimerProbe      Timer = 4 // zero-window probe
)

// String returns the lower-case name, for example "time_wait".
func (t Timer) String() string {
	switch t {
	case TimerNone:
		return "none"
	case TimerRetransmit:
		return "retransmit"
	case TimerKeepalive:
		return "keepalive"
	case TimerTimeWait:
		return "time_wait"
	case TimerProbe:
		return "probe"
	}
	return fmt.Sprintf("timer(%d)", uint8(t))
}
