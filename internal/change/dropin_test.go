// SPDX-License-Identifier: Apache-2.0

package change

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/sysctl"
)

func equateKeys() cmp.Option { return cmpopts.EquateComparable(sysctl.Key{}) }

// exampleState has a setting of each kind.
func exampleState() State {
	return State{
		Profile: "web",
		Inputs:  []Input{{"machine.memory_bytes", "16000000000"}, {"empty", ""}},
		Settings: []Setting{
			{Key: sysctl.MustKey("net.ipv4.tcp_congestion_control"), Value: "bbr", Block: BlockProfile, Origin: "profile web", Reason: "paces"},
			{Key: sysctl.MustKey("net.core.somaxconn"), Value: "4096", Block: BlockProfile, Origin: "profile web", Bound: AtLeast, Reason: "longer accept queues", Source: "https://docs.kernel.org/networking/ip-sysctl.html"},
			{Key: sysctl.MustKey("net.ipv4.tcp_rmem"), Value: "4096\t131072 6291456", Block: BlockProfile, Origin: "profile web"},
			{Key: sysctl.MustKey("net.core.somaxconn"), Value: "8192", Block: BlockSet, Origin: "--set"},
			{Key: sysctl.MustKey("net.ipv4.conf.eth0/100.rp_filter"), Value: "2", Block: BlockSet, Origin: "--set"},
		},
	}
}

const exampleDropIn = `# Managed by tcptune. Edits are noticed, not kept: "tcptune apply" changes this file,
# "tcptune rollback" undoes the last change, "tcptune apply --absent" removes them all.
# format: 1, sum SUM

# input machine.memory_bytes = 16000000000
# input empty =

# --- profile web ---

# reason: longer accept queues
# source: https://docs.kernel.org/networking/ip-sysctl.html
# origin: profile web
# bound: at_least
# overridden: net.core.somaxconn = 4096

# origin: profile web
net.ipv4.tcp_rmem = 4096 131072 6291456

# reason: paces
# origin: profile web
net.ipv4.tcp_congestion_control = bbr

# --- set ---

# origin: --set
net.core.somaxconn = 8192

# origin: --set
net.ipv4.conf.eth0/100.rp_filter = 2
`

func TestDropIn(t *testing.T) {
	got := string(exampleState().DropIn())
	sum := got[strings.Index(got, "sum ")+4:][:16]
	if diff := cmp.Diff(strings.Replace(exampleDropIn, "SUM", sum, 1), got); diff != "" {
		t.Errorf("unexpected drop-in (-want +got):\n%s", diff)
	}
}

// A loader reads from the drop-in what counts, and nothing else.
func TestDropInLines(t *testing.T) {
	lines, problems := sysctl.ParseLines("f", bytes.NewReader(exampleState().DropIn()))
	if len(problems) != 0 {
		t.Errorf("want no problem, got %v", problems)
	}
	var got []string
	for _, line := range lines {
		got = append(got, line.String())
	}
	want := []string{
		"net.ipv4.tcp_rmem = 4096 131072 6291456", "net.ipv4.tcp_congestion_control = bbr",
		"net.core.somaxconn = 8192", "net.ipv4.conf.eth0/100.rp_filter = 2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected lines (-want +got):\n%s", diff)
	}
}

func TestDropInPortOrder(t *testing.T) {
	for _, tt := range []struct{ name, start, want string }{
		{"lowered first", "500", "ip_unprivileged_port_start ip_local_port_range"},
		{"raised last", "5000", "ip_local_port_range ip_unprivileged_port_start"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Settings: []Setting{
				{Key: sysctl.MustKey("net.ipv4.ip_local_port_range"), Value: "10000 65000", Block: BlockSet, Origin: "--set"},
				{Key: sysctl.MustKey("net.ipv4.ip_unprivileged_port_start"), Value: sysctl.Value(tt.start), Block: BlockSet, Origin: "--set"},
			}}
			var got []string
			for _, setting := range s.Normal().Settings {
				got = append(got, setting.Key.Short())
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("want %s, got %v", tt.want, got)
			}
		})
	}
}

func TestParseDropInEdited(t *testing.T) {
	original := string(exampleState().DropIn())
	for _, tt := range []struct {
		name, old, new string
		line           int
		reason         string
	}{
		{"a value", "somaxconn = 8192", "somaxconn = 9999", 3, "a line of the file was changed since tcptune wrote it: the sum is another one"},
		{"a line added", "\n# --- set ---\n", "net.ipv4.tcp_sack = 1\n\n# --- set ---\n", 22, notWritten},
		{"a comment added", "# --- set ---", "# my own remark\n# --- set ---", 23, notWritten},
		{"a line without meaning", "# --- set ---", "hello\n# --- set ---", 23, notWritten},
		{"another spelling", "net.core.somaxconn = 8192", "net.core.somaxconn=8192", 26, notWritten},
		{"a line taken out", "# origin: --set\nnet.core.somaxconn = 8192\n\n", "", 3, ""},
		{"the assignment taken out", "net.core.somaxconn = 8192\n\n", "", 28, ""},
		{"an empty line added", "# --- set ---\n", "# --- set ---\n\n", 25, "the line is not as tcptune wrote it"},
		{"the last line feed", "rp_filter = 2\n", "rp_filter = 2", 29, "the end of the file is not as tcptune wrote it"},
		{"carriage returns", "# --- set ---\n", "# --- set ---\r\n", 23, notWritten},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edited := strings.Replace(original, tt.old, tt.new, 1)
			if edited == original {
				t.Fatal("the edit changes nothing")
			}
			_, problems, err := ParseDropIn([]byte(edited))
			if err != nil || len(problems) == 0 {
				t.Fatalf("want a problem, got %v, error %v", problems, err)
			}
			if tt.reason != "" && (problems[0].Line != tt.line || problems[0].Reason != tt.reason) {
				t.Errorf("want line %d: %s; got %+v", tt.line, tt.reason, problems)
			}
		})
	}
}

func TestParseDropInRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", ErrForeign.Error()},
		{"another program's", "net.core.somaxconn = 1\n", ErrForeign.Error()},
		{"no format", headLine + "\nnet.core.somaxconn = 1\n", ErrForeign.Error()},
		{"newer format", headLine + "\n" + undoLine + "\n# format: 2, sum 00\n", `parse drop-in: line 3: its format is "2", this tcptune reads 1 (a newer tcptune wrote it?)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state, problems, err := ParseDropIn([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("want error %q, got %v", tt.want, err)
			}
			if state.Settings != nil || problems != nil {
				t.Errorf("want nothing beside an error, got %v, %v", state, problems)
			}
			if foreign := tt.want == ErrForeign.Error(); errors.Is(err, ErrForeign) != foreign {
				t.Errorf("want ErrForeign %v, got %v", foreign, err)
			}
		})
	}
}

// anyState draws states with texts of every kind.
func anyState(t *rapid.T) State {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z =#;\\\n\t]{0,20}`),
		rapid.SampledFrom([]string{"", "# reason: x", "a\nnet.core.somaxconn = 1", `ends in \`, "\x1b[2J", "--- set ---", " --- "}))
	key := rapid.SampledFrom([]string{"net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.tcp_congestion_control", "net.netfilter.nf_conntrack_max", "net.ipv4.conf.eth0/100.rp_filter"})
	return State{
		Profile: text.Draw(t, "profile"),
		Inputs: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Input {
			return Input{text.Draw(t, "input"), text.Draw(t, "value")}
		}), 0, 3).Draw(t, "inputs"),
		Settings: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Setting {
			return Setting{
				Key: sysctl.MustKey(key.Draw(t, "key")), Value: sysctl.Value(rapid.StringMatching(`[a-z0-9, \t]{1,12}`).Draw(t, "value")),
				Block:  rapid.SampledFrom(blocks()).Draw(t, "block"),
				Origin: "o" + text.Draw(t, "origin"), Reason: text.Draw(t, "reason"), Source: text.Draw(t, "source"),
				Bound: rapid.SampledFrom([]Bound{"", Exactly, AtLeast, AtMost}).Draw(t, "bound"),
			}
		}), 0, 8).Draw(t, "settings"),
	}
}

func TestDropInRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := anyState(t)
		data := state.DropIn()
		got, problems, err := ParseDropIn(data)
		if err != nil || len(problems) != 0 {
			t.Fatalf("want no problem, got %v, error %v in\n%s", problems, err, data)
		}
		if diff := cmp.Diff(state.Normal(), got, equateKeys()); diff != "" {
			t.Fatalf("unexpected state (-want +got):\n%s\n%s", diff, data)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasSuffix(line, `\`) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("line %d is not fit for every loader: %q", i+1, line)
			}
		}
		if lines, problems := sysctl.ParseLines("", bytes.NewReader(data)); len(problems) > 0 || len(lines) != len(got.effective()) {
			t.Fatalf("want %d lines, got %d, problems %v", len(got.effective()), len(lines), problems)
		}
	})
}

func FuzzParseDropIn(f *testing.F) {
	f.Add(exampleState().DropIn())
	f.Add([]byte(headLine + "\n# format: 1, sum\n# --- set ---\na=1\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, problems, err := ParseDropIn(data)
		if err != nil {
			if state.Settings != nil || problems != nil {
				t.Fatalf("want nothing beside an error, got %v, %v", state, problems)
			}
			return
		}
		if again := state.DropIn(); len(problems) == 0 && !bytes.Equal(again, data) {
			t.Fatalf("no problem, but it is written as\n%q, not\n%q", again, data)
		}
	})
}
