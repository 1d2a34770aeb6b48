// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

func TestFind(t *testing.T) {
	l := newLibrary(t)
	tests := []struct {
		query string
		kind  Kind
		name  string
	}{
		{"CLOSE_WAIT", KindState, "CLOSE_WAIT"},
		{"close-wait", KindState, "CLOSE_WAIT"},
		{"closewait", KindState, "CLOSE_WAIT"},
		{" Close Wait\n", KindState, "CLOSE_WAIT"},
		{"TCP_CLOSE_WAIT", KindState, "CLOSE_WAIT"},
		{"FIN_WAIT_2", KindState, "FIN_WAIT2"},
		{"fin-wait-2", KindState, "FIN_WAIT2"},
		{"FIN-WAIT-1", KindState, "FIN_WAIT1"},
		{"estab", KindState, "ESTABLISHED"},
		{"unconn", KindState, "CLOSE"},
		{"SYN-RECEIVED", KindState, "SYN_RECV"},
		{"syn_rcvd", KindState, "SYN_RECV"},

		{"net.ipv4.tcp_tw_reuse", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"net/ipv4/tcp_tw_reuse", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"/proc/sys/net/ipv4/tcp_tw_reuse", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"tcp_tw_reuse", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"TW_REUSE", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"tcp-tw-reuse", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"net.ipv4.tcp_tw_reuse = 1", KindSysctl, "net.ipv4.tcp_tw_reuse"},
		{"tcp_tw_recycle", KindSysctl, "net.ipv4.tcp_tw_recycle"},
		{"somaxconn", KindSysctl, "net.core.somaxconn"},
		{"rp_filter", KindSysctl, "net.ipv4.conf.*.rp_filter"},
		{"net.ipv4.conf.eth0.rp_filter", KindSysctl, "net.ipv4.conf.*.rp_filter"},
		{"net.ipv4.conf.eth0/100.rp_filter", KindSysctl, "net.ipv4.conf.*.rp_filter"},

		{"ListenOverflows", KindCounter, "TcpExt.ListenOverflows"},
		{"TcpExt.ListenOverflows", KindCounter, "TcpExt.ListenOverflows"},
		{"listenoverflows", KindCounter, "TcpExt.ListenOverflows"},
		{"TcpExtListenOverflows", KindCounter, "TcpExt.ListenOverflows"},
		{"node_netstat_TcpExt_ListenOverflows", KindCounter, "TcpExt.ListenOverflows"},
		{"node_sockstat_TCP_tw", KindCounter, "TCP.tw"},
		{"TCP.tw", KindCounter, "TCP.tw"},
		{"time_squeeze", KindCounter, "softnet_stat.time_squeeze"},

		{"close-wait-leak", KindRule, "close-wait-leak"},
		{"CLOSE_WAIT_LEAK", KindRule, "close-wait-leak"},

		// One spelling, several topics: the name of a topic, then the order of the kinds.
		{"abort-on-overflow", KindRule, "abort-on-overflow"},
		{"abort_on_overflow", KindSysctl, "net.ipv4.tcp_abort_on_overflow"},
		{"rule:abort_on_overflow", KindRule, "abort-on-overflow"},
		{"tcp_mem", KindSysctl, "net.ipv4.tcp_mem"},
		{"counter:tcp_mem", KindCounter, "TCP.mem"},
		{"TCP.mem", KindCounter, "TCP.mem"},
		{"State:close", KindState, "CLOSE"},
		{"tw", KindCounter, "TcpExt.TW"},
		{"inuse", KindCounter, "TCP.inuse"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got := find(t, l, tt.query)
			if diff := cmp.Diff([]string{string(tt.kind), tt.name}, []string{string(got.Kind), got.Name}); diff != "" {
				t.Errorf("Find(%q) (-want +got)\n%s", tt.query, diff)
			}
		})
	}
}

// TestFindOthers checks that a spelling of several topics loses none.
func TestFindOthers(t *testing.T) {
	l := newLibrary(t)
	tests := []struct {
		query string
		want  []string
	}{
		{"tcp_mem", []string{"TCP.mem"}},
		{"tw", []string{"TCP.tw"}},
		{"inuse", []string{"TCP6.inuse"}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got := find(t, l, tt.query).SeeAlso
			if diff := cmp.Diff(tt.want, got[:min(len(got), len(tt.want))]); diff != "" {
				t.Errorf("head of SeeAlso (-want +got)\n%s", diff)
			}
		})
	}
}

func TestFindUnknown(t *testing.T) {
	l := newLibrary(t)
	tests := []struct {
		query string
		want  []string
	}{
		{"CLOSE_WIAT", []string{"CLOSE_WAIT"}},
		{"TIME_WIAT", []string{"TIME_WAIT"}},
		{"ESTABLISHD", []string{"ESTABLISHED"}},
		{"FIN_WAIT", []string{"FIN_WAIT1", "FIN_WAIT2"}},
		{"tcp_tw_recyle", []string{"tcp_tw_recycle"}},
		{"tcp_fintimeout", []string{"tcp_fin_timeout"}},
		{"net.ipv4.tcp_fintimeout", []string{"tcp_fin_timeout"}},
		{"somaxcon", []string{"somaxconn"}},
		{"ListenOverflow", []string{"ListenOverflows"}},
		{"close-wait-leek", []string{"close-wait-leak"}},
		{"syncookie", []string{"tcp_syncookies"}},
		{"", nil},
		{":", nil},
		{"rule:", nil},
		{"=", nil},
		{"nothing of the kind", nil},
		{"rule:CLOSE_WAIT", nil},
		{"\x1b[31mred", nil},
		{strings.Repeat("tcp_", 100), nil},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got, err := l.Find(tt.query)
			unknown, ok := errors.AsType[*UnknownError](err)
			if !ok {
				t.Fatalf("Find(%q) = %s, %v; want an *UnknownError", tt.query, got.Name, err)
			}
			if diff := cmp.Diff(Topic{}, got); diff != "" {
				t.Errorf("topic beside an error (-want +got)\n%s", diff)
			}
			// What is offered first matters; others may follow.
			if diff := cmp.Diff(tt.want, unknown.Suggestions[:min(len(tt.want), len(unknown.Suggestions))]); tt.want != nil && diff != "" {
				t.Errorf("suggestions of %q (-want +got)\n%s", tt.query, diff)
			}
			if len(unknown.Suggestions) > maxSuggestions {
				t.Errorf("%d suggestions, want at most %d", len(unknown.Suggestions), maxSuggestions)
			}
			if s := err.Error(); strings.ContainsRune(s, '\x1b') || len(s) > 2*maxQuery+200 {
				t.Errorf("unfit for a terminal: %q", s)
			}
		})
	}
}

func TestUnknownErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  UnknownError
		want string
	}{
		{"none", UnknownError{Query: "x"}, `explain "x": no TCP state, sysctl key, counter or rule has this name; names look like CLOSE_WAIT, tcp_fin_timeout, ListenOverflows or close-wait-leak`},
		{"one", UnknownError{"x", []string{"a"}}, `explain "x": no TCP state, sysctl key, counter or rule has this name; did you mean a?`},
		{"three", UnknownError{"x", []string{"a", "b", "c"}}, `explain "x": no TCP state, sysctl key, counter or rule has this name; did you mean a, b or c?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("Error() (-want +got)\n%s", diff)
			}
		})
	}
}

// TestIndex checks that the list has every topic, and only what Find knows.
func TestIndex(t *testing.T) {
	l := newLibrary(t)
	if got, want := len(l.Index()), len(l.entries); got != want {
		t.Errorf("%d topics in the list, want %d", got, want)
	}
	for _, s := range l.Index() {
		if got := find(t, l, s.Label); got.Name != s.Name || got.Kind != s.Kind || got.Title != s.Title {
			t.Errorf("Find(%q) = %s %s %q, want %+v", s.Label, got.Kind, got.Name, got.Title, s)
		}
		if _, ok := KindOf(s.Label); ok {
			t.Errorf("%q names a topic and a kind", s.Label)
		}
	}
	for _, e := range l.entries {
		if got := find(t, l, e.name); got.Kind != e.kind || got.Name != e.name {
			t.Errorf("Find(%q) = %s %s, want the %s of that name", e.name, got.Kind, got.Name, e.kind)
		}
	}
	if len(l.exact) != len(l.entries) {
		t.Errorf("%d names for %d topics, want as many", len(l.exact), len(l.entries))
	}
}

// TestStateNames checks that every spelling that sockdiag reads finds its state.
func TestStateNames(t *testing.T) {
	l := New(nil, nil, nil)
	names := []string{"estab", "fin_wait_1", "fin-wait-2", "unconn", "closed"}
	for s := sockdiag.StateEstablished; s.Valid(); s++ {
		names = append(names, s.String(), strings.ReplaceAll(s.String(), "_", "-"), strings.ToUpper(s.String()))
	}
	for _, name := range names {
		id, err := sockdiag.ParseState(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := find(t, l, name).Name; !strings.EqualFold(got, id.String()) {
			t.Errorf("Find(%q) = %s, want %s", name, got, id)
		}
	}
}

// TestEmpty checks a library without catalogues: states remain, and nothing else.
func TestEmpty(t *testing.T) {
	l := New(nil, nil, nil)
	if got, want := len(l.Index()), 11; got != want {
		t.Errorf("%d topics, want %d", got, want)
	}
	if _, err := l.Find("tcp_fin_timeout"); err == nil {
		t.Error("Find knows a key that the library was not given")
	}
}

func BenchmarkNew(b *testing.B) {
	set, catalogue, counters := loadRules(b), sysctl.LoadCatalogue(), procnet.CounterInfos()
	for b.Loop() {
		New(catalogue, counters, set)
	}
}

func BenchmarkFind(b *testing.B) {
	l := newLibrary(b)
	for b.Loop() {
		if _, err := l.Find("tcp_fin_timeout"); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzFind(f *testing.F) {
	l := newLibrary(f)
	for _, s := range l.Index() {
		f.Add(s.Name)
		f.Add(s.Label)
	}
	for _, s := range []string{"", " ", ":", "rule:", "a=b", "CLOSE_WIAT", "/proc/sys/", "\xff\x00", "ſ", "İ", "net.ipv4.conf.[.rp_filter", "rule:rule:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		topic, err := l.Find(query)
		if err == nil {
			if again, err := l.Find(topic.Name); err != nil || again.Name != topic.Name {
				t.Errorf("Find(%q) = %s, which finds %s, %v", query, topic.Name, again.Name, err)
			}
			return
		}
		unknown, ok := errors.AsType[*UnknownError](err)
		if !ok || topic.Name != "" || topic.Sections != nil {
			t.Fatalf("Find(%q) = %+v, %v", query, topic, err)
		}
		if len(unknown.Suggestions) > maxSuggestions {
			t.Errorf("suggestions %q", unknown.Suggestions)
		}
		for _, name := range unknown.Suggestions {
			if _, err := l.Find(name); err != nil {
				t.Errorf("Find(%q) suggests %q: %v", query, name, err)
			}
		}
	})
}
