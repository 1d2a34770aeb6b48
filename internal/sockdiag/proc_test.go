// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseProcLine(t *testing.T) {
	ap := netip.MustParseAddrPort
	tests := []struct {
		name, line string
		bigEndian  bool
		want       Socket
	}{
		{
			name: "listener",
			line: "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000041 00:00000000 00000000     0        0 2750769 66 0000000065bb27a7 100 0 0 10 0                  ",
			want: Socket{State: StateListen, Source: ap("127.0.0.1:8080"), Destination: ap("0.0.0.0:0"), ReceiveQueue: 65, Inode: 2750769},
		},
		{
			name: "retransmitting",
			line: "  12: 020712C6:1F90 010712C6:9C4C 01 0000000A:FFFFFFFF 01:0000001A 00000102  1000        7 4294967295 1 00000000308f8cde 20 0 0 10 -1",
			want: Socket{State: StateEstablished, Source: ap("198.18.7.2:8080"), Destination: ap("198.18.7.1:40012"), SendQueue: 10,
				ReceiveQueue: 1<<32 - 1, Timer: TimerRetransmit, Expires: 260 * time.Millisecond, Retransmits: 255, UID: 1000, Inode: 1<<32 - 1},
		},
		{
			name: "probing: the count is in another column",
			line: "1: 0100007F:1F90 0100007F:0001 01 00000001:00000000 04:0000001A 00000002 0 7 1",
			want: Socket{State: StateEstablished, Source: ap("127.0.0.1:8080"), Destination: ap("127.0.0.1:1"), SendQueue: 1,
				Timer: TimerProbe, Expires: 260 * time.Millisecond, Retransmits: 7, Inode: 1},
		},
		{
			name: "time_wait",
			line: "  93: 0100007F:1F4A 0100007F:1F4B 06 00000000:00000000 03:00001762 00000000     0        0 0 3 00000000c1b4d1f5",
			want: Socket{State: StateTimeWait, Source: ap("127.0.0.1:8010"), Destination: ap("127.0.0.1:8011"), Timer: TimerTimeWait, Expires: 59860 * time.Millisecond},
		},
		{
			name: "ipv6",
			line: "   1: B80D0120000000000000000002000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5 1",
			want: Socket{State: StateListen, IPv6: true, Source: ap("[2001:db8::2]:80"), Destination: ap("[::]:0"), Inode: 5},
		},
		{
			name: "mapped",
			line: "   1: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000200007F:0051 08 00000000:00000001 00:00000000 00000000 0 0 5 1",
			want: Socket{State: StateCloseWait, IPv6: true, Source: ap("127.0.0.1:80"), Destination: ap("127.0.0.2:81"), ReceiveQueue: 1, Inode: 5},
		},
		{
			name: "from a big-endian machine", bigEndian: true,
			line: "0: 20010DB8000000000000000000000002:0050 00000000000000000000000000000001:0000 01 00000000:00000000 02:FFFFFFFFFFFFFFFF 00000000 0 3 5",
			want: Socket{State: StateEstablished, IPv6: true, Source: ap("[2001:db8::2]:80"), Destination: ap("[::1]:0"),
				Timer: TimerKeepalive, Expires: 9223372036850000000, Retransmits: 3, Inode: 5},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Socket
			if err := parseProcLine([]byte(tt.line), tt.bigEndian, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("unexpected socket (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseProcLineRefusal(t *testing.T) {
	const good = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5"
	tests := []struct{ old, new, want string }{
		{good, "", "columns, found 0"},
		{" 0 0 5", " 0 0", "columns, found 9"},
		{"0100007F:", "0100007:", "local address"},
		{"0100007F:", "0100007G:", "local address"},
		{":1F90", ":11F90", "local address"},
		{":1F90", "1F90", "local address"},
		{"00000000:0000 ", "00000000000000000000000000000000:0000 ", "remote address"},
		{"00000000:0000 ", ":0000 ", "remote address"},
		{" 0A ", " 0C ", "state"},
		{" 0A ", " 00 ", "state"},
		{" 0A ", " 10A ", "state"},
		{"00000000:00000000 00:", "00000000:100000000 00:", "queues"},
		{" 00:00000000 ", " 00-00000000 ", "timer"},
		{" 00000000 0 0 5", " -1 0 0 5", "retransmits"},
		{" 0 0 5", " F 0 5", "uid"},
		{" 0 0 5", " 0 0 4294967296", "inode"},
		{" 0 0 5", " 0 0 " + strings.Repeat("9", 500), "inode"},
	}
	for _, tt := range tests {
		line := strings.Replace(good, tt.old, tt.new, 1)
		err := parseProcLine([]byte(line), false, new(Socket))
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 250 {
			t.Errorf("line %q: %v, want an error about %q", line, err, tt.want)
		}
	}
}

// TestProcTableScene reads what was recorded beside the answers of sock_diag.
func TestProcTableScene(t *testing.T) {
	if bigEndian() {
		t.Skip("the recording comes from a little-endian machine")
	}
	fn, rows := collect()
	summary, err := ProcTable{Dir: "testdata"}.Dump(t.Context(), Request{States: AllStates}, fn)
	if err != nil {
		t.Fatal(err)
	}
	want := recordedSS(t)
	for i := range want {
		if want[i].State == StateListen {
			want[i].SendQueue = 0 // the backlog is not there
		}
	}
	if diff := diffRows(want, *rows); diff != "" {
		t.Errorf("unexpected sockets (-ss +got):\n%s", diff)
	}
	var size int
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		size += len(b)
	}
	if want := (Summary{Sockets: len(want), Messages: len(want) + 2, Bytes: size, Complete: true, Method: MethodProc}); summary != want {
		t.Errorf("summary %+v, want %+v", summary, want)
	}
}

func TestProcTableEnds(t *testing.T) {
	const heading = "  sl  local_address rem_address   st\n"
	const line = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5\n"
	table := func(tcp, tcp6 string) ProcTable {
		dir := t.TempDir()
		for name, content := range map[string]string{"tcp": tcp, "tcp6": tcp6} {
			if content == "absent" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return ProcTable{Dir: dir}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	failure := errors.New("no room")
	tests := []struct {
		name     string
		ctx      context.Context
		table    ProcTable
		answer   error // of the callback
		want     string
		sockets  int
		complete bool
	}{
		{"good", t.Context(), table(heading+line, heading), nil, "", 1, true},
		{"no IPv6", t.Context(), table(heading+line, "absent"), nil, "", 1, true},
		{"no files", t.Context(), table("absent", "absent"), nil, syscall.ENOENT.Error(), 0, false},
		{"empty file", t.Context(), table("", heading), nil, "tcp: line 1: want a heading", 0, false},
		{"no heading", t.Context(), table(line, heading), nil, "tcp: line 1: want a heading", 0, false},
		{"cut line", t.Context(), table(heading+line+line[:40]+"\n"+line, heading), nil, "tcp: line 3: want at least 10 columns", 1, false},
		{"bad IPv6 file", t.Context(), table(heading+line, heading+"x"), nil, "tcp6: line 2: want", 1, false},
		{"endless line", t.Context(), table(heading+strings.Repeat("x", maxProcLine+1), heading), nil, "tcp: line 2: bufio.Scanner: token too long", 0, false},
		{"stopped", t.Context(), table(heading+line+line, heading), ErrStop, "", 1, false},
		{"failed", t.Context(), table(heading+line+line, heading), failure, "no room", 1, false},
		{"cancelled", cancelled, table(heading+line, heading), nil, context.Canceled.Error(), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := 0
			summary, err := tt.table.Dump(tt.ctx, Request{States: AllStates}, func(s *Socket) error {
				seen++
				if _, ok := s.Backlog(); ok {
					t.Error("a backlog from proc")
				}
				return tt.answer
			})
			if seen != tt.sockets || summary.Sockets != tt.sockets || summary.Complete != tt.complete {
				t.Errorf("%d sockets, %+v; want %d, complete %v", seen, summary, tt.sockets, tt.complete)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestProcReaderError(t *testing.T) {
	r := procReader{source: iotest.ErrReader(io.ErrNoProgress)}
	for range 2 { // the error stays
		if s, err := r.next(); s != nil || !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("got %v, %v", s, err)
		}
	}
}

func TestBacklog(t *testing.T) {
	for _, tt := range []struct {
		socket Socket
		limit  uint32
		ok     bool
	}{
		{Socket{State: StateListen, SendQueue: 7, BacklogKnown: true}, 7, true},
		{Socket{State: StateListen, SendQueue: 7}, 0, false},
		{Socket{State: StateEstablished, SendQueue: 7, BacklogKnown: true}, 0, false},
	} {
		if limit, ok := tt.socket.Backlog(); limit != tt.limit || ok != tt.ok {
			t.Errorf("%+v: backlog %d, %v", tt.socket, limit, ok)
		}
	}
}

// FuzzProc checks that a file yields only sound sockets, and none after an
// error.
func FuzzProc(f *testing.F) {
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 1000)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := procReader{source: strings.NewReader(string(b))}
		for {
			s, err := r.next()
			if err != nil {
				if s != nil {
					t.Errorf("socket %+v with error %v", s, err)
				}
				if s, again := r.next(); s != nil || !errors.Is(again, err) {
					t.Errorf("after the error %v: %v, %v", err, s, again)
				}
				break
			}
			if !s.State.Valid() || !s.Source.IsValid() || !s.Destination.IsValid() || s.Expires < 0 {
				t.Errorf("socket %+v", s)
			}
		}
		if r.lines > len(b) || r.bytes > len(b)+1 {
			t.Errorf("%d lines and %d bytes of %d", r.lines, r.bytes, len(b))
		}
	})
}
