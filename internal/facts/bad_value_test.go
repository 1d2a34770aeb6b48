// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
)

func TestBadValues(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files host
		live  map[string]string
		want  []string // KEY = VALUE at ADDRESS: KIND, with ! for one in force
	}{
		{"good values", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_rmem = 4096 87380 6291456\nnet.ipv4.tcp_tw_reuse=1\nnet.ipv4.conf.*.rp_filter=2\nvm.odd=x\n-net.ipv4.tcp_fin_timeout\n"}),
			map[string]string{"net.ipv4.tcp_rmem": "4096\t87380\t6291456", "net.ipv4.tcp_timestamps": "1"}, nil},
		{"in a file and live", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fin_timeout = 70"}), map[string]string{"net.ipv4.tcp_fin_timeout": "70"},
			[]string{"net.ipv4.tcp_fin_timeout = 70 at /etc/sysctl.d/60-a.conf:1: accepted!"}},
		{"live only", debian13(nil), map[string]string{"net.ipv4.tcp_fin_timeout": "-31"}, []string{"net.ipv4.tcp_fin_timeout = -31 at live value: accepted!"}},
		{"in a file only", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fin_timeout = 70"}), map[string]string{"net.ipv4.tcp_fin_timeout": "60"},
			[]string{"net.ipv4.tcp_fin_timeout = 70 at /etc/sysctl.d/60-a.conf:1: accepted"}},
		{"another one live", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fin_timeout = 70"}), map[string]string{"net.ipv4.tcp_fin_timeout": "80"},
			[]string{"net.ipv4.tcp_fin_timeout = 70 at /etc/sysctl.d/60-a.conf:1: accepted", "net.ipv4.tcp_fin_timeout = 80 at live value: accepted!"}},
		{"vectors", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_rmem = 4096 131072\nnet.ipv4.tcp_wmem = 9000 500 100\nnet.ipv4.tcp_rmem = 1 2 3 4\nnet.ipv4.ip_local_port_range = 1024\nnet.ipv4.tcp_wmem ="}),
			map[string]string{"net.ipv4.tcp_rmem": "4096 131072 2048"},
			[]string{
				"net.ipv4.tcp_rmem = 4096 131072 at /etc/sysctl.d/60-a.conf:1: partial",
				"net.ipv4.tcp_wmem = 9000 500 100 at /etc/sysctl.d/60-a.conf:2: accepted",
				"net.ipv4.tcp_rmem = 1 2 3 4 at /etc/sysctl.d/60-a.conf:3: accepted",
				"net.ipv4.ip_local_port_range = 1024 at /etc/sysctl.d/60-a.conf:4: partial",
				"net.ipv4.tcp_wmem =  at /etc/sysctl.d/60-a.conf:5: refused",
				"net.ipv4.tcp_rmem = 4096 131072 2048 at live value: accepted!",
			}},
		{"refused", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_tw_reuse = 9\nnet.ipv4.tcp_syn_retries = 200\nnet.ipv4.tcp_keepalive_time = 7200 seconds\nnet.ipv4.tcp_keepalive_intvl = ten"}),
			map[string]string{"net.ipv4.tcp_tw_reuse": "2"},
			[]string{
				"net.ipv4.tcp_tw_reuse = 9 at /etc/sysctl.d/60-a.conf:1: refused",
				"net.ipv4.tcp_syn_retries = 200 at /etc/sysctl.d/60-a.conf:2: refused",
				"net.ipv4.tcp_keepalive_time = 7200 seconds at /etc/sysctl.d/60-a.conf:3: accepted",
				"net.ipv4.tcp_keepalive_intvl = ten at /etc/sysctl.d/60-a.conf:4: refused",
			}},
		{"the kernel has other bounds", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_tw_reuse = 9"}), map[string]string{"net.ipv4.tcp_tw_reuse": "9"},
			[]string{"net.ipv4.tcp_tw_reuse = 9 at /etc/sysctl.d/60-a.conf:1: accepted!"}},
		{"interfaces", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.conf.*.rp_filter = 99"}), map[string]string{"net.ipv4.conf.eth0.rp_filter": "99"},
			[]string{"net.ipv4.conf.*.rp_filter = 99 at /etc/sysctl.d/60-a.conf:1: accepted", "net.ipv4.conf.eth0.rp_filter = 99 at live value: accepted!"}},
		{"timestamps", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_timestamps = 2"}), map[string]string{"net.ipv4.tcp_timestamps": "2"},
			[]string{"net.ipv4.tcp_timestamps = 2 at /etc/sysctl.d/60-a.conf:1: exposing!"}},
		{"secrets and keys that are gone", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fastopen_key = x\nnet.ipv4.tcp_tw_recycle = 9"}), map[string]string{"net.ipv4.tcp_timestamps": "1"}, nil},
		{"a key that the kernel alone sets", debian13(nil), map[string]string{"net.ipv4.tcp_ehash_entries": "-262144"}, nil},
		{"congestion control", debian13(host{
			"etc/sysctl.d/60-a.conf":              "net.ipv4.tcp_congestion_control = vegas\nnet.ipv4.tcp_congestion_control = bbr\nnet.ipv4.tcp_congestion_control = cubic",
			"usr/lib/modules/6.18.44/modules.dep": "kernel/net/ipv4/tcp_bbr.ko.zst:\n",
			"usr/lib/modules/6.18.45/modules.dep": "kernel/net/ipv4/tcp_vegas.ko.zst:\n",
		}), map[string]string{"net.ipv4.tcp_congestion_control": "cubic", "net.ipv4.tcp_available_congestion_control": "reno cubic"},
			[]string{"net.ipv4.tcp_congestion_control = vegas at /etc/sysctl.d/60-a.conf:1: unavailable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.files.collect(t, tt.live)
			if f.BadValues == nil {
				t.Fatal("bad values are unknown")
			}
			var got []string
			for _, b := range f.BadValues {
				mark := ""
				if b.InForce {
					mark = "!"
				}
				got = append(got, fmt.Sprintf("%s = %s at %s: %s%s", b.Key, b.Value, b.Address, b.Kind, mark))
				if b.Reason == "" || b.InFile == (b.Address == "live value") {
					t.Errorf("%+v", b)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestCongestionInChild: outside the initial network namespace it takes permission.
func TestCongestionInChild(t *testing.T) {
	s := &snapshot.Snapshot{
		Host: &snapshot.Host{Initial: ptr(false)}, LinesRead: true, Config: &snapshot.Config{},
		Sysctls: map[string]string{
			"net.ipv4.tcp_available_congestion_control": "reno cubic bbr", "net.ipv4.tcp_allowed_congestion_control": "reno cubic", "net.ipv4.tcp_congestion_control": "cubic",
		},
		Lines: []snapshot.Line{
			{File: "/etc/sysctl.conf", Number: 1, Key: "net.ipv4.tcp_congestion_control", Value: "bbr"},
			{File: "/etc/sysctl.conf", Number: 2, Key: "net.ipv4.tcp_congestion_control", Value: "reno"},
		},
	}
	f := derive(one(s))
	if len(f.BadValues) != 1 || f.BadValues[0].Kind != "not-allowed" || f.BadValues[0].Address != "/etc/sysctl.conf:1" {
		t.Errorf("bad values %+v", f.BadValues)
	}
	s.Host.Initial = ptr(true)
	if f = derive(one(s)); len(f.BadValues) != 0 {
		t.Errorf("in the initial namespace: %+v", f.BadValues[0])
	}
}
