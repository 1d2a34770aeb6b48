// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"strings"
	"testing"
)

func TestParseState(t *testing.T) {
	tests := []struct {
		state State
		names string // of State.String, ss(8) and netstat(8)
	}{
		{StateEstablished, "established ESTAB ESTABLISHED"},
		{StateSynSent, "syn_sent SYN-SENT SYN_SENT"},
		{StateSynRecv, "syn_recv SYN-RECV SYN_RECV"},
		{StateFinWait1, "fin_wait1 FIN-WAIT-1 FIN_WAIT1"},
		{StateFinWait2, "fin_wait2 FIN-WAIT-2 FIN_WAIT2"},
		{StateTimeWait, "time_wait TIME-WAIT TIME_WAIT Time-Wait"},
		{StateClose, "close UNCONN CLOSE closed"},
		{StateCloseWait, "close_wait CLOSE-WAIT CLOSE_WAIT"},
		{StateLastAck, "last_ack LAST-ACK LAST_ACK"},
		{StateListen, "listen LISTEN"},
		{StateClosing, "closing CLOSING"},
	}
	for _, tt := range tests {
		names := strings.Fields(tt.names)
		if want, got := names[0], tt.state.String(); want != got {
			t.Errorf("state %d: %q, want %q", tt.state, got, want)
		}
		for _, name := range names {
			if got, err := ParseState(name); err != nil || got != tt.state {
				t.Errorf("parse %q: %s, %v; want %s", name, got, err, tt.state)
			}
		}
		text, err := tt.state.MarshalText()
		if err != nil {
			t.Errorf("marshal %s: %v", tt.state, err)
		}
		var back State
		if err := back.UnmarshalText(text); err != nil || back != tt.state {
			t.Errorf("unmarshal %q: %s, %v", text, back, err)
		}
	}
	for _, name := range []string{"", "state(0)", "new_syn_recv", "established "} {
		if s, err := ParseState(name); err == nil || s != 0 {
			t.Errorf("parse %q: %s, want an error", name, s)
		}
	}
	var s State
	if err := s.UnmarshalText([]byte("x")); err == nil {
		t.Error("unmarshal x: want an error")
	}
	if _, err := State(12).MarshalText(); err == nil {
		t.Error("marshal state 12: want an error")
	}
	if want, got := "state(12)", State(12).String(); want != got {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStates(t *testing.T) {
	if want := States(0xffe); AllStates != want {
		t.Errorf("all states %#x, want %#x", uint32(AllStates), uint32(want))
	}
	m := StatesOf(StateListen, StateEstablished)
	if want := States(0x402); m != want {
		t.Errorf("mask %#x, want %#x", uint32(m), uint32(want))
	}
	if !m.Has(StateListen) || m.Has(StateTimeWait) || m.Has(0) || m.Has(200) {
		t.Errorf("wrong members in %s", m)
	}
	if want, got := "established,listen", m.String(); want != got {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTimerString(t *testing.T) {
	for timer, want := range []string{"none", "retransmit", "keepalive", "time_wait", "probe", "timer(5)"} {
		if got := Timer(timer).String(); want != got {
			t.Errorf("timer %d: %q, want %q", timer, got, want)
		}
	}
}
