// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/rules"
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" { // teatest defines it
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// begin is when the first round of every test is taken.
func begin() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func ptr[T any](v T) *T { return &v }

// overflow is a finding about a full accept queue.
func overflow() rules.Finding {
	return rules.Finding{
		Rule: "accept-queue-overflow", Category: "accept-queue", Severity: rules.Critical, Confidence: "high", Verdict: rules.VerdictApplication,
		Subject: "198.18.0.1:8080", Title: "A listener's accept queue overflows",
		Evidence:        []rules.Evidence{{Name: "process", Value: "stuck[120]"}, {Name: "accept queue", Value: int64(65), Limit: int64(64), Unit: "connections"}},
		Why:             "The program does not call accept() fast enough.",
		Recommendations: []rules.Recommendation{{Kind: "action", Action: "raise the backlog that it passes to listen()", Command: "tcptune states --by listener"}},
	}
}

// leak is a finding about a program that does not close.
func leak() rules.Finding {
	return rules.Finding{
		Rule: "close-wait-leak", Category: "close-wait", Severity: rules.Warning, Confidence: "high", Verdict: rules.VerdictApplication,
		Subject: "leaky[121]", Title: "A program does not close connections that its peers have closed", Why: "It must call close().",
	}
}

// mild is a finding below warning.
func mild() rules.Finding {
	return rules.Finding{Rule: "timestamps-off", Category: "config", Severity: rules.Notice, Confidence: "high", Title: "TCP timestamps are off"}
}

// round makes the round number i, with the findings. Its numbers rise with i.
func round(i int, findings ...rules.Finding) *Round {
	states := map[string]*int64{}
	for _, name := range stateNames() {
		states[name] = ptr(int64(0))
	}
	states["listen"], states["established"], states["close_wait"], states["time_wait"] = ptr(int64(4)), ptr(int64(100+10*i)), ptr(int64(50)), nil
	r := &Round{
		Taken: begin().Add(time.Duration(i) * 2 * time.Second), Cost: 12 * time.Millisecond,
		Check: &report.Check{
			Host:     report.Host{Hostname: "web1", Kernel: "6.18.5", UptimeSeconds: ptr(86400.0)},
			States:   states,
			Findings: findings,
			Summary:  report.Summary{Judged: 95, Skipped: 1},
		},
		Facts: &facts.Facts{
			Rate:  &facts.Rates{},
			Ports: &facts.Ports{Size: ptr(int64(28232)), MaxUse: ptr(0.9), Exact: ptr(true)},
			Listeners: []*facts.Listener{
				{Address: "[::]:22", Port: 22, Process: "sshd[1]", Queue: 0, Backlog: ptr(int64(128)), DropsPerSecond: ptr(0.0), SynRecv: ptr(int64(0)), CloseWait: ptr(int64(0))},
				{Address: "198.18.0.1:8080", Port: 8080, Process: "stuck[120]", Queue: 65, Backlog: ptr(int64(64)), DropsPerSecond: ptr(12.5), DropsTotal: ptr(int64(1234)), SynRecv: ptr(int64(2)), CloseWait: ptr(int64(0))},
				{Address: "198.18.0.1:9090", Port: 9090, Process: "leaky[121]", Queue: 30, Backlog: ptr(int64(50)), DropsPerSecond: ptr(0.0), SynRecv: ptr(int64(0)), CloseWait: ptr(int64(50))},
				{Address: "127.0.0.1:5432", Port: 5432, Process: "データベース\x1b[31m[7]", Queue: 0},
			},
			Destinations: []*facts.Destination{
				{Address: "198.18.0.2:443", Source: "198.18.0.1", Process: "proxy[122]", Used: 25409, Size: 28232, Use: 0.9, Established: ptr(int64(409)), TimeWait: ptr(int64(25000))},
				{Address: "198.18.0.3:443", Source: "198.18.0.1", Used: 12, Size: 28232, Use: 0.0004, Established: ptr(int64(12)), TimeWait: ptr(int64(0))},
			},
			Processes: []*facts.Process{
				{Name: "leaky[121]", PID: ptr(int64(121)), UID: 1000, Exe: ptr("/usr/bin/leaky"), Listens: true, FDs: ptr(int64(60)), FDSoft: ptr(int64(1024)), CloseWait: 50, CloseWaitGrowth: ptr(int64(3)), CloseWaitRead: 50, CloseWaitPeers: "198.18.0.2 (50)"},
				{Name: "a process of uid 33", Hidden: true, UID: 33},
			},
		},
		Sockets: &snapshot.Sockets{},
	}
	if i > 0 {
		r.Check.Window.Seconds = ptr(2.0)
		r.Facts.Rate = &facts.Rates{RetransSegs: ptr(float64(i % 5)), ListenDrops: ptr(12.5), TCPTimeouts: ptr(0.0), OutRsts: ptr(0.5), OutSegs: ptr(1500.0)}
	}
	for n := range 20 {
		r.Sockets.Open = append(r.Sockets.Open, snapshot.Socket{
			State: sockdiag.StateCloseWait, Local: netip.MustParseAddrPort("198.18.0.1:9090"), Peer: netip.AddrPortFrom(netip.MustParseAddr("198.18.0.2"), uint16(40000+n)),
			Receive: 1, LastHeard: ptr(12.0), Owners: []int{121}, Inode: 1,
		})
	}
	return r
}

// size gives the model a screen.
func size(m *Model, width, height int) { m.Update(tea.WindowSizeMsg{Width: width, Height: height}) }

// feed hands rounds in.
func feed(m *Model, rounds ...*Round) {
	for _, r := range rounds {
		m.Update(roundMsg{round: r, took: 15 * time.Millisecond})
	}
}

// press presses keys, by their names.
func press(t *testing.T, m *Model, keys ...string) (cmd tea.Cmd) {
	t.Helper()
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "space": tea.KeySpace,
		"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "end": tea.KeyEnd, "home": tea.KeyHome, "backspace": tea.KeyBackspace,
	}
	for _, key := range keys {
		code, ok := special[key]
		msg := tea.KeyPressMsg{Code: code}
		if !ok {
			msg = tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
		}
		if msg.String() != key {
			t.Fatalf("key %q is called %q", key, msg.String())
		}
		_, cmd = m.Update(msg)
	}
	return cmd
}

// shown is a model with some rounds and findings on a screen of that size.
func shown(width, height int) *Model {
	m := NewModel(Options{Interval: 2 * time.Second, Unicode: true})
	size(m, width, height)
	feed(m, round(0, overflow()), round(1, overflow(), leak()))
	for i := range 6 {
		feed(m, round(2+i, overflow(), leak()))
	}
	return m
}

func sizeName(width, height int) string { return fmt.Sprintf("%dx%d", width, height) }
