// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// ssSocket is one socket that `ss -tanoempi` or `ss -ltnp` printed.
type ssSocket struct {
	sockdiag.Socket
	holders   []ssHolder
	lastHeard *float64 // seconds
}

type ssHolder struct {
	name string
	pid  int
}

// ssStates are the names that ss has for states.
func ssStates() map[string]sockdiag.State {
	return map[string]sockdiag.State{
		"ESTAB": sockdiag.StateEstablished, "SYN-SENT": sockdiag.StateSynSent, "SYN-RECV": sockdiag.StateSynRecv,
		"FIN-WAIT-1": sockdiag.StateFinWait1, "FIN-WAIT-2": sockdiag.StateFinWait2, "TIME-WAIT": sockdiag.StateTimeWait,
		"UNCONN": sockdiag.StateClose, "CLOSE-WAIT": sockdiag.StateCloseWait, "LAST-ACK": sockdiag.StateLastAck,
		"LISTEN": sockdiag.StateListen, "CLOSING": sockdiag.StateClosing,
	}
}

// parseSS reads what ss printed: a header, a line for each socket, and perhaps
// an indented line of further words after it. Asked for one state, ss leaves
// the column State out; only is that state then.
func parseSS(text string, only sockdiag.State) ([]ssSocket, error) {
	var list []ssSocket
	for i, line := range strings.Split(text, "\n") {
		var err error
		switch {
		case i == 0 || strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "\t"):
			if len(list) == 0 {
				return nil, fmt.Errorf("line %d: no socket before it", i+1)
			}
			err = list[len(list)-1].words(strings.Fields(line))
		default:
			var s ssSocket
			if s, err = parseSSLine(line, only); err == nil {
				list = append(list, s)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return list, nil
}

func parseSSLine(line string, only sockdiag.State) (ssSocket, error) {
	s := ssSocket{Socket: sockdiag.Socket{State: only}}
	fields := strings.Fields(line)
	if only == 0 {
		if s.State = ssStates()[fields[0]]; s.State == 0 {
			return s, fmt.Errorf("%q is no state", fields[0])
		}
		fields = fields[1:]
	}
	const columns = 4
	if len(fields) < columns {
		return s, fmt.Errorf("%d columns are too few", len(fields))
	}
	receive, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return s, err
	}
	send, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return s, err
	}
	s.ReceiveQueue, s.SendQueue, s.BacklogKnown = uint32(receive), uint32(send), s.State == sockdiag.StateListen
	for i, end := range []*netip.AddrPort{&s.Source, &s.Destination} {
		text := fields[2+i]
		if before, any := strings.CutSuffix(text, ":*"); any {
			text = before + ":0"
		}
		if *end, err = netip.ParseAddrPort(text); err != nil {
			return s, err
		}
	}
	return s, s.words(fields[columns:])
}

var (
	ssUser  = regexp.MustCompile(`\("([^"]*)",pid=(\d+),fd=\d+\)`)
	ssTimer = regexp.MustCompile(`^timer:\((\w+),(?:(\d+)min)?(?:(\d+)(?:sec|\.))?(?:(\d+)ms)?,(\d+)\)$`)
	ssDrops = regexp.MustCompile(`^skmem:\(.*,d(\d+)\)$`)
)

// words reads the words name:value of a socket that matter here.
func (s *ssSocket) words(words []string) error {
	for _, word := range words {
		name, value, _ := strings.Cut(word, ":")
		var n uint64
		var err error
		switch name {
		case "ino":
			n, err = strconv.ParseUint(value, 10, 32)
			s.Inode = uint32(n)
		case "uid":
			n, err = strconv.ParseUint(value, 10, 32)
			s.UID = uint32(n)
		case "sk":
			s.Cookie, err = strconv.ParseUint(value, 16, 64)
		case "users":
			for _, m := range ssUser.FindAllStringSubmatch(value, -1) {
				var pid int
				if pid, err = strconv.Atoi(m[2]); err != nil {
					return err
				}
				s.holders = append(s.holders, ssHolder{m[1], pid})
			}
		case "timer":
			err = s.timer(word)
		case "skmem":
			if m := ssDrops.FindStringSubmatch(word); m != nil {
				n, err = strconv.ParseUint(m[1], 10, 32)
				s.Memory = &sockdiag.Memory{Drops: ptr(uint32(n))}
			}
		case "lastack":
			n, err = strconv.ParseUint(value, 10, 31)
			s.lastHeard = ptr(float64(n) / 1000)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

// timer reads timer:(timewait,58sec,0). ss writes 9.268ms for 9.268 s.
func (s *ssSocket) timer(word string) error {
	timers := map[string]sockdiag.Timer{"on": sockdiag.TimerRetransmit, "keepalive": sockdiag.TimerKeepalive,
		"timewait": sockdiag.TimerTimeWait, "persist": sockdiag.TimerProbe}
	m := ssTimer.FindStringSubmatch(word)
	if m == nil || timers[m[1]] == 0 {
		return fmt.Errorf("no timer that is known")
	}
	s.Timer = timers[m[1]]
	for i, unit := range []time.Duration{time.Minute, time.Second, time.Millisecond} {
		if text := m[2+i]; text != "" {
			n, err := strconv.ParseUint(text, 10, 20)
			if err != nil {
				return err
			}
			s.Expires += time.Duration(n) * unit
		}
	}
	retransmits, err := strconv.ParseUint(m[5], 10, 8)
	s.Retransmits = uint8(retransmits)
	return err
}

func TestParseSS(t *testing.T) {
	address := netip.MustParseAddrPort
	got, err := parseSS(`State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess
LISTEN     65     64           0.0.0.0:8080      0.0.0.0:*     users:(("a",pid=7,fd=5),("a",pid=8,fd=5)) ino:275 sk:11ea98 cgroup:unreachable:1 <->
	 skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d535) bbr cwnd:10 unacked:65
TIME-WAIT  0      0         198.18.7.1:1024   198.18.7.2:8080  timer:(timewait,48sec,0) ino:0 sk:fc17d
	
CLOSE-WAIT 1      0      [2001:db8::1]:80   [2001:db8::2]:443  uid:1000 ino:9
	 ts sack lastsnd:24 lastrcv:24 lastack:1500
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []ssSocket{
		{Socket: sockdiag.Socket{State: sockdiag.StateListen, ReceiveQueue: 65, SendQueue: 64, BacklogKnown: true, Source: address("0.0.0.0:8080"),
			Destination: address("0.0.0.0:0"), Inode: 275, Cookie: 0x11ea98, Memory: &sockdiag.Memory{Drops: ptr[uint32](535)}}, holders: []ssHolder{{"a", 7}, {"a", 8}}},
		{Socket: sockdiag.Socket{State: sockdiag.StateTimeWait, Source: address("198.18.7.1:1024"), Destination: address("198.18.7.2:8080"), Cookie: 0xfc17d,
			Timer: sockdiag.TimerTimeWait, Expires: 48 * time.Second}},
		{Socket: sockdiag.Socket{State: sockdiag.StateCloseWait, ReceiveQueue: 1, Source: address("[2001:db8::1]:80"), Destination: address("[2001:db8::2]:443"), UID: 1000, Inode: 9},
			lastHeard: ptr(1.5)},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ssSocket{}, ssHolder{}), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("sockets (-want +got)\n%s", diff)
	}
	got, err = parseSS("Recv-Q Send-Q\n0 0 198.18.7.2:80 198.19.7.71:8896 timer:(on,1min9.268ms,4) ino:0", sockdiag.StateSynRecv)
	if err != nil || len(got) != 1 || got[0].State != sockdiag.StateSynRecv || got[0].Retransmits != 4 || got[0].Expires != 69268*time.Millisecond {
		t.Errorf("one state: %+v, %v", got, err)
	}
	for _, text := range []string{"\n\tskmem:", "\nESTABLISHED 0 0 1.1.1.1:1 1.1.1.1:1", "\nESTAB 0 0 1.1.1.1:1", "\nESTAB x 0 1.1.1.1:1 1.1.1.1:1", "\nESTAB 0 0 1.1.1.1 1.1.1.1:1",
		"\nESTAB 0 0 1.1.1.1:1 1.1.1.1:1 timer:(soon,1sec,0)", "\nESTAB 0 0 1.1.1.1:1 1.1.1.1:1 ino:x"} {
		if got, err := parseSS(text, 0); got != nil || err == nil {
			t.Errorf("parseSS(%q) = %v, %v, want nil and an error", text, got, err)
		}
	}
}

func FuzzParseSS(f *testing.F) {
	f.Add("State\nLISTEN 65 64 0.0.0.0:8080 0.0.0.0:* users:((\"a\",pid=7,fd=5)) ino:275 sk:11\n\t skmem:(r0,d535) lastack:3\n", uint8(0))
	f.Add("Recv-Q\n0 0 1.1.1.1:1 1.1.1.1:2 timer:(on,9.268ms,4)", uint8(3))
	f.Fuzz(func(t *testing.T, text string, only uint8) {
		if got, err := parseSS(text, sockdiag.State(only)); err != nil && got != nil {
			t.Fatalf("parseSS = %v and %v", got, err)
		}
	})
}
