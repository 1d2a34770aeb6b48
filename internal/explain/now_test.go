// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/facts"
)

func TestNow(t *testing.T) {
	const busy = `
sysctl: {net.ipv4.tcp_tw_reuse: "2", net.ipv4.tcp_timestamps: "1", net.ipv4.tcp_syncookies: "1", net.ipv4.tcp_fin_timeout: "60", net.ipv4.ip_local_reserved_ports: ""}
absent: [net.ipv4.tcp_tw_recycle]
sockets: {close_wait: 7, time_wait: 1200, fin_wait2_unowned: 3}
total: {ListenOverflows: 5, SyncookiesSent: 9}
ports: {max_use: 0.81, exact: true}
lines: [{file: /etc/sysctl.conf, number: 3, key: net.ipv4.tcp_fin_timeout, value: "30", status: exists}]
`
	l := newLibrary(t)
	for _, tt := range []struct {
		name   string
		facts  string
		topic  Topic
		totals map[string]int64
		want   []Row
	}{
		{"a state", busy, Topic{Kind: KindState, Name: "CLOSE_WAIT"}, nil, []Row{{"sockets", "7"}}},
		{"a state nobody counted", busy, Topic{Kind: KindState, Name: "LAST_ACK"}, nil, []Row{{"sockets", "unknown"}}},
		{"a state of an unread host", "{}", Topic{Kind: KindState, Name: "LAST_ACK"}, nil, []Row{{"sockets", "unknown"}}},
		{"a counter", busy, Topic{Kind: KindCounter, Name: "TcpExt.ListenOverflows"}, map[string]int64{"TcpExt.ListenOverflows": 5}, []Row{{"since boot, or since the namespace was made", "5"}}},
		{"a counter of an unread host", "{}", Topic{Kind: KindCounter, Name: "TcpExt.TW"}, nil, []Row{{"since boot, or since the namespace was made", "unknown"}}},
		{"a counter that is not collected", busy, Topic{Kind: KindCounter, Name: "softnet_stat.cpu"}, nil, nil},
		{"a counter that this kernel lacks", "{}", Topic{Kind: KindCounter, Name: "TcpExt.TW"}, map[string]int64{"TcpExt.ListenOverflows": 5}, []Row{
			{"since boot, or since the namespace was made", "this kernel does not have it"},
		}},
		{"a number of now", "{}", Topic{Kind: KindCounter, Name: "TCP.orphan"}, map[string]int64{"TCP.orphan": 3}, []Row{{"now", "3"}}},
		{"a rule that fires", `sysctl: {net.ipv4.tcp_window_scaling: "0"}`, Topic{Kind: KindRule, Name: "window-scaling-off"}, nil, []Row{{"it fires", "critical: TCP window scaling is off or taken away, so no window is larger than 64 KiB"}}},
		{"a rule that cannot be judged", "{}", Topic{Kind: KindRule, Name: "time-wait-bucket-overflow"}, nil, []Row{{"not judged", "unknown without a window: sockets.mini, sysctl(\"net.ipv4.tcp_max_tw_buckets\"), total.TCPTimeWaitOverflow"}}},
		{"a rule that does not fire", busy, Topic{Kind: KindRule, Name: "syncookies-disabled"}, nil, []Row{{"judged by one look", "it does not fire"}}},
		{"a rule of another set", busy, Topic{Kind: KindRule, Name: "no-such-rule"}, nil, nil},
		{"a pattern", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.conf.*.rp_filter"}, nil, nil},
		{"a pattern with a value", "sysctl: {net.ipv4.conf.all.rp_filter: \"2\"}", Topic{Kind: KindSysctl, Name: "net.ipv4.conf.*.rp_filter"}, nil, []Row{{"net.ipv4.conf.all.rp_filter", "2"}}},
		{"an empty value", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.ip_local_reserved_ports"}, nil, []Row{{"live value", "(empty)"}}},
		{"an unread value", busy, Topic{Kind: KindSysctl, Name: "net.core.somaxconn"}, nil, []Row{{"live value", "unknown"}}},
		{"tw_recycle", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_tw_recycle"}, nil, []Row{
			{"live value", "does not exist here"},
			{"would it help", "no: it dropped clients behind NAT while it existed, and Linux 4.12 removed it"},
		}},
		{"tw_reuse on a host short of ports", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_tw_reuse"}, nil, []Row{
			{"live value", "2"},
			{"would it help", "perhaps: the fullest destination uses 81.0% of the local ports; tcptune check says whether pooling or a wider range is better"},
		}},
		{"tw_reuse on an idle host", `
sysctl: {net.ipv4.tcp_tw_reuse: "2", net.ipv4.tcp_timestamps: "1"}
ports: {max_use: 0.031, exact: false}
`, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_tw_reuse"}, nil, []Row{
			{"live value", "2"},
			{"would it help", "no: it serves outgoing connections that run short of local ports, and the fullest destination uses at most 3.1% of them"},
		}},
		{"tw_reuse without timestamps", `sysctl: {net.ipv4.tcp_tw_reuse: "1", net.ipv4.tcp_timestamps: "0"}`, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_tw_reuse"}, nil, []Row{
			{"live value", "1"}, {"would it help", "no: without tcp_timestamps it does nothing"},
		}},
		{"tw_reuse of an unread host", "{}", Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_tw_reuse"}, nil, []Row{{"live value", "unknown"}}},
		{"syncookies on", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_syncookies"}, nil, []Row{
			{"live value", "1"}, {"would it help", "1 changes nothing: cookies are on already; sent so far: 9"},
		}},
		{"syncookies off", `sysctl: {net.ipv4.tcp_syncookies: "0"}`, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_syncookies"}, nil, []Row{
			{"live value", "0"},
			{"would it help", "yes: cookies are off, so a full SYN queue drops the SYNs of real clients; 1 costs nothing before that"},
		}},
		{"fin_timeout", busy, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_fin_timeout"}, nil, []Row{
			{"live value", "60"},
			{"set in", "/etc/sysctl.conf:3 to 30"},
			{"would it help", "a lower value would shorten FIN_WAIT2 without a process (3 now), never TIME_WAIT (1200 now, 60 s each, fixed)"},
		}},
		{"a value beside its default", `
sysctl: {net.ipv4.tcp_max_tw_buckets: "5000"}
defaults: {net.ipv4.tcp_max_tw_buckets: "131072"}
`, Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_max_tw_buckets"}, nil, []Row{{"live value", "5000"}, {"kernel's default here", "131072"}}},
		{"fin_timeout of an unread host", "{}", Topic{Kind: KindSysctl, Name: "net.ipv4.tcp_fin_timeout"}, nil, []Row{{"live value", "unknown"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var node yaml.Node
			if err := yaml.Unmarshal([]byte(tt.facts), &node); err != nil {
				t.Fatal(err)
			}
			f, err := facts.Decode("facts", node.Content[0])
			if err != nil {
				t.Fatal(err)
			}
			got, ok := l.Now(tt.topic, f, tt.totals)
			if ok != (tt.want != nil) {
				t.Errorf("ok: want %v, got %v", tt.want != nil, ok)
			}
			if diff := cmp.Diff(tt.want, got.Rows); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
