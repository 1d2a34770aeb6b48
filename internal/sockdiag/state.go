// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"fmt"
	"strings"
)

// A State is a TCP state by its kernel number (include/net/tcp_states.h).
type State uint8

// The states of a TCP socket. Half-open requests, which the kernel keeps as
// TCP_NEW_SYN_RECV since Linux 4.4, are reported as StateSynRecv. A FIN_WAIT_2
// connection without an owner may be a mini-socket of the TIME_WAIT kind; it
// is reported as StateFinWait2.
const (
	StateEstablished State = 1  // TCP_ESTABLISHED
	StateSynSent     State = 2  // TCP_SYN_SENT
	StateSynRecv     State = 3  // TCP_SYN_RECV
	StateFinWait1    State = 4  // TCP_FIN_WAIT1
	StateFinWait2    State = 5  // TCP_FIN_WAIT2
	StateTimeWait    State = 6  // TCP_TIME_WAIT
	StateClose       State = 7  // TCP_CLOSE
	StateCloseWait   State = 8  // TCP_CLOSE_WAIT
	StateLastAck     State = 9  // TCP_LAST_ACK
	StateListen      State = 10 // TCP_LISTEN
	StateClosing     State = 11 // TCP_CLOSING
)

// stateNames holds the name of each state at its kernel number.
var stateNames = [...]string{
	StateEstablished: "established",
	StateSynSent:     "syn_sent",
	StateSynRecv:     "syn_recv",
	StateFinWait1:    "fin_wait1",
	StateFinWait2:    "fin_wait2",
	StateTimeWait:    "time_wait",
	StateClose:       "close",
	StateCloseWait:   "close_wait",
	StateLastAck:     "last_ack",
	StateListen:      "listen",
	StateClosing:     "closing",
}

// Valid reports whether s is one of the eleven states.
func (s State) Valid() bool { return s >= StateEstablished && s <= StateClosing }

// String returns the lower-case name, for example "time_wait".
func (s State) String() string {
	if !s.Valid() {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return stateNames[s]
}

// MarshalText returns the name of s, and an error if s is no state.
func (s State) MarshalText() ([]byte, error) {
	if !s.Valid() {
		return nil, fmt.Errorf("marshal TCP state %d: not one of 1 to 11", uint8(s))
	}
	return []byte(stateNames[s]), nil
}

// UnmarshalText reads a name as [ParseState] does.
func (s *State) UnmarshalText(text []byte) error {
	v, err := ParseState(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// ParseState parses the name of a state as State.String, ss(8) or netstat(8)
// write it ("time_wait", "TIME-WAIT", "TIME_WAIT"), in any case.
func ParseState(name string) (State, error) {
	n := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	switch n {
	case "estab":
		return StateEstablished, nil
	case "fin_wait_1":
		return StateFinWait1, nil
	case "fin_wait_2":
		return StateFinWait2, nil
	case "unconn", "closed":
		return StateClose, nil
	}
	for s := StateEstablished; s.Valid(); s++ {
		if stateNames[s] == n {
			return s, nil
		}
	}
	return 0, fmt.Errorf("parse TCP state %q: want one of %s", name, AllStates)
}

// States is a set of states in the form of the kernel's mask: bit n stands for
// the state with the number n. The zero value is the empty set.
type States uint32

// AllStates holds every state. It is deliberately not all bits: from Linux 6.8
// a mask with bit 13 also returns sockets that are only bound, as state 7.
const AllStates States = 1<<(StateClosing+1) - 1<<StateEstablished

// StatesOf returns the set of the given states.
func StatesOf(states ...State) States {
	var m States
	for _, s := range states {
		m |= 1 << s
	}
	return m
}

// Has reports whether the set holds s.
func (m States) Has(s State) bool { return m&(1<<s) != 0 }

// String returns the names in kernel order, separated by commas.
func (m States) String() string {
	var names []string
	for s := StateEstablished; s.Valid(); s++ {
		if m.Has(s) {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, ",")
}
