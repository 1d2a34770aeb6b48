// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

var update = flag.Bool("update", false, "rewrite the screens below testdata/screens")

// A screen is what has a text for people.
type screen interface {
	WriteText(io.Writer, Style) error
}

// golden compares the text of a screen in several styles with the saved ones.
func golden(t *testing.T, name string, s screen) {
	t.Helper()
	for suffix, style := range map[string]Style{
		"80": {Width: 80}, "40": {Width: 40}, "80-verbose": {Width: 80, Verbose: true}, "80-colour": {Width: 80, Color: true, Unicode: true},
	} {
		var b bytes.Buffer
		if err := s.WriteText(&b, style); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(b.String(), "\x1b", "<ESC>")
		path := filepath.Join("testdata", "screens", name+"-"+suffix+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// richCheck has a finding of each severity, with all that a finding can have.
func richCheck() *Check {
	c := checkOf("web",
		rules.Finding{
			Rule: "accept-queue-overflow", Category: "accept-queue", Severity: rules.Critical, Confidence: "high", Verdict: rules.VerdictApplication,
			Scope: "process", Subject: "0.0.0.0:8080", Title: "A listener's accept queue overflows",
			Evidence: []rules.Evidence{
				{Name: "process", Value: "python3[30839]"},
				{Name: "accept queue", Value: int64(65), Unit: "connections", Limit: int64(64)},
				{Name: "connection requests dropped by this listener", Value: 2675.0, Unit: "per second"},
				{Name: "net.core.somaxconn", Value: int64(4096), Unit: "connections"},
			},
			Why: "A finished handshake waits in the accept queue until the program calls accept(). The limit of the queue is min(the program's backlog, net.core.somaxconn), copied into the socket at listen(): a later change of the sysctl does not reach it.",
			Recommendations: []rules.Recommendation{
				{Kind: "action", Action: "Raise the backlog that python3[30839] passes to listen() from 64 to 8192 and restart it. The program is the limit here.", Effect: "when the program calls listen() again"},
				{Kind: "sysctl", Key: "net.core.somaxconn", Current: text("4096"), Proposed: "8192", Risk: "low", Effect: "not before python3[30839] calls listen() again; restart it", Because: "the limit of a queue is min(the program's backlog, net.core.somaxconn) at listen()"},
				{Kind: "action", Action: "Find out why python3[30839] accepts late", Command: "ss -ltnp 'sport = :8080'"},
				{Kind: "action", Action: "Add a second instance"},
			},
			References: []string{"LINUX-TCP", "CF-SYN"},
		},
		rules.Finding{
			Rule: "abort-on-overflow", Category: "accept-queue", Severity: rules.Warning, Confidence: "medium", Verdict: rules.VerdictSysctl,
			Scope: "netns", Title: "net.ipv4.tcp_abort_on_overflow turns a full accept queue into connection resets",
			Evidence:        []rules.Evidence{{Name: "net.ipv4.tcp_abort_on_overflow", Value: int64(1), Limit: int64(0)}},
			Why:             "With this key a handshake whose last packet meets a full accept queue is answered with a reset.",
			Recommendations: []rules.Recommendation{{Kind: "sysctl", Key: "net.ipv4.tcp_abort_on_overflow", Current: text("1"), Proposed: "0", Risk: "medium", Effect: "at once"}},
			Unless:          []string{"A balancer in front tries another server on a reset."}, References: []string{"LINUX-TCP"},
		},
		rules.Finding{
			Rule: "tw-recycle-in-config", Category: "config-files", Severity: rules.Notice, Confidence: "high", Verdict: rules.VerdictConfigFile,
			Scope: "host", Subject: "/etc/sysctl.conf:4", Title: "A file sets net.ipv4.tcp_tw_recycle, which Linux 4.12 removed",
			Evidence: []rules.Evidence{{Name: "value in the file", Value: "1"}, {Name: "the key exists", Value: false}},
			Why:      "On newer kernels the line does nothing.", Recommendations: []rules.Recommendation{{Kind: "file", File: "/etc/sysctl.conf:4", Action: "delete the line"}},
			References: []string{"LINUX-TCP"}, More: 2,
		},
		rules.Finding{
			Rule: "time-wait-high-harmless", Category: "time-wait", Severity: rules.Info, Confidence: "high", Verdict: rules.VerdictHarmless,
			Scope: "netns", Title: "Many TIME_WAIT sockets, and they are harmless",
			Evidence: []rules.Evidence{{Name: "TIME_WAIT", Value: int64(18275), Unit: "sockets", Limit: int64(131072)}}, Why: "Each costs a few hundred bytes for 60 s.",
		},
	)
	c.Summary.Judged, c.Summary.Skipped = 90, 6
	c.Passed = []string{"close-wait-leak", "orphan-limit-near"}
	for _, rule := range []string{"rule-a", "rule-b", "rule-c", "rule-d"} {
		c.Skipped = append(c.Skipped, rules.Skipped{Rule: rule, Category: "syn", Missing: []string{"delta.OutSegs", "machine.orphans"}})
	}
	c.Collection.Method, c.Collection.Sockets, c.Collection.DurationMS = "sock_diag", 120, 3.25
	for _, source := range []string{"/proc/PID/fd", "/proc/net/stat/nf_conntrack", "/etc/sysctl.d", "units"} {
		c.Collection.Gaps = append(c.Collection.Gaps, snapshot.Gap{Source: source, Reason: "permission denied", Remedy: "run as root"})
	}
	initial := false
	c.Host.InitialNetns = &initial
	return c
}

func text(s string) *string { return &s }

func TestCheckScreen(t *testing.T) { golden(t, "check", richCheck()) }

// cleanCheck found nothing.
func cleanCheck() *Check {
	c := checkOf("host")
	c.Host.Namespace = nil
	c.numbers = []string{"0 accept queue overflows", "0.1% retransmitted"}
	return c
}

func TestCleanScreen(t *testing.T) { golden(t, "clean", cleanCheck()) }

func TestInterruptedScreen(t *testing.T) {
	c := cleanCheck()
	c.Window.Interrupted = true
	golden(t, "interrupted", c)
	c.Window.Seconds = nil
	golden(t, "interrupted-early", c)
}

// hostile is text that would drive a terminal, or is wider than it is long.
func hostile() []string {
	return []string{
		"\x1b[2J\x1b[31mred", "\u009b2J", "a\x07b\x00", "\u202eabc", "bell\a\r\nnew\tline", "名前のとても長いプロセス名", "👩‍👩‍👧‍👦 family", "e\u0301e\u0301", "\xff\xfe", "한국어",
		strings.Repeat("x", 200), strings.Repeat("名", 90), "'; rm -rf / #", "ss -tnp 'sport = :80' \\",
	}
}

// hostileCheck has such a text wherever the examined host can put one.
func hostileCheck(word func() string) *Check {
	c := checkOf(word())
	c.Host.Hostname, c.Host.Kernel = word(), word()
	c.Host.Namespace = &netns.Label{Name: word(), Kind: netns.KindProcess, Command: word(), Enter: "nsenter " + word(), Processes: 2}
	for _, severity := range rules.Severities() {
		c.Findings = append(c.Findings, rules.Finding{
			Rule: "rule-" + string(severity), Category: "syn", Severity: severity, Confidence: "low", Verdict: rules.VerdictSysctl, Subject: word(), Title: word() + " " + word(),
			Evidence: []rules.Evidence{{Name: word(), Value: word(), Unit: word(), Limit: word()}, {Name: word(), Value: int64(1 << 40), Unit: word(), Limit: int64(3)}, {Name: "n", Value: nil}},
			Why:      word() + ". " + word() + "; " + word(), Unless: []string{word()}, References: []string{word()}, Because: []rules.Operand{{Text: word(), Value: word()}},
			Recommendations: []rules.Recommendation{
				{Kind: "sysctl", Key: word(), Proposed: word(), Current: text(word()), Risk: "low", Effect: word(), Because: word(), Action: word(), Command: word()},
				{Kind: "file", File: word(), Action: word(), Command: "ss -tnp " + word()},
			},
		})
	}
	c.Skipped = []rules.Skipped{{Rule: "r", Category: "syn", Missing: []string{word(), word()}}, {Rule: "s", Fault: word()}}
	c.Collection.Gaps = []snapshot.Gap{{Source: word(), Reason: word(), Remedy: word()}}
	c.Collection.Method, c.Collection.Closer = "proc", word()
	c.Waived = []rules.Waived{{Finding: rules.Finding{Rule: "w", Subject: word()}, Waiver: rules.Waiver{Reason: word()}}}
	c.countFindings()
	c.Summary.Waived = 1
	return c
}

// hostileScreens are all screens with hostile text.
func hostileScreens(word func() string) map[string]screen {
	check := func() *Check { return hostileCheck(word) }
	table := func(by snapshot.Grouping) *snapshot.Table {
		queue, backlog := uint32(65), uint32(64)
		t := &snapshot.Table{By: by, States: map[string]int64{"listen": 3, "established": 1234567, "close_wait": 7}, Missed: 3, Other: 2}
		for range 3 {
			t.Rows = append(t.Rows, snapshot.TableRow{Name: word(), Process: word(), States: map[string]int64{"close_wait": 7, "established": 1234567}, Total: 1234574, Queue: &queue, Backlog: &backlog})
		}
		t.Gaps = []snapshot.Gap{{Source: word(), Reason: word()}}
		return t
	}
	missed := []NotExamined{{netns.Label{Name: word()}, word()}}
	screens := map[string]screen{
		"check": check(), "checks": NewChecks([]*Check{check(), check()}, missed, 1, func(string) bool { return false }),
	}
	for _, by := range snapshot.Groupings() {
		screens["states "+string(by)] = NewStates(table(by), "tcptune", 2)
		screens["namespaces "+string(by)] = NewNamespaceStates(by, []snapshot.TableVisit{{Label: netns.Label{Name: word()}, Table: table(by)}}, 1, "tcptune", 0)
	}
	return screens
}

// wellBehaved checks that no line is wider than the style, that no control
// character is left, and that colour is only there where it is asked for.
func wellBehaved(name string, s screen, style Style) error {
	var b bytes.Buffer
	if err := s.WriteText(&b, style); err != nil {
		return err
	}
	out := b.String()
	if style.Color {
		out = ansi.Strip(out)
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if n := ansi.StringWidth(line); n > style.width() && !unbreakable(line) {
			return fmt.Errorf("%s: line of %d columns in %d: %q", name, n, style.width(), line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			return fmt.Errorf("%s: control character in %q", name, line)
		}
	}
	return nil
}

// unbreakable reports whether a line is one word of a command: to break it
// would change it.
func unbreakable(line string) bool {
	line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "run")), "$ "), ` \`)
	return len(shellWords(line)) == 1
}

func TestHostileScreens(t *testing.T) {
	for width := 20; width <= 120; width += 5 {
		for _, verbose := range []bool{false, true} {
			for _, color := range []bool{false, true} {
				words, next := hostile(), 0
				screens := hostileScreens(func() string { next++; return words[next%len(words)] })
				for name, s := range screens {
					if err := wellBehaved(name, s, Style{Width: width, Verbose: verbose, Color: color, Unicode: color}); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

func TestAnyScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := func() string {
			return rapid.OneOf(rapid.SampledFrom(hostile()), rapid.String(), rapid.StringOfN(rapid.RuneFrom(nil, unicode.Han, unicode.Latin, unicode.Cc, unicode.Cf), 0, 60, -1)).Draw(t, "word")
		}
		style := Style{Width: rapid.IntRange(0, 200).Draw(t, "width"), Verbose: rapid.Bool().Draw(t, "verbose"), Color: rapid.Bool().Draw(t, "colour"), Unicode: rapid.Bool().Draw(t, "unicode")}
		for name, s := range hostileScreens(word) {
			if err := wellBehaved(name, s, style); err != nil {
				t.Fatal(err)
			}
		}
	})
}
