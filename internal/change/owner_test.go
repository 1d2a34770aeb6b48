// SPDX-License-Identifier: Apache-2.0

package change

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/sysctl"
)

// writeTree writes files below a new root. A content "-> TARGET" is a symbolic link.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "-> ")
		write := func() error { return os.WriteFile(path, []byte(content), 0o644) }
		if link {
			write = func() error { return os.Symlink(target, path) }
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// owned is what the tests below compare of an owner: its name, file and keys, and a
// part of its text.
type owned struct {
	Name, File string
	Keys       []string
}

func TestFindOwners(t *testing.T) {
	const (
		rmem      = "net.ipv4.tcp_rmem"
		somaxconn = "net.core.somaxconn"
		fin       = "net.ipv4.tcp_fin_timeout"
		filter    = "net.ipv4.conf.eth0.rp_filter"
		conntrack = "net.netfilter.nf_conntrack_max"
	)
	keys := patterns(rmem, somaxconn, fin, filter, conntrack)
	tests := []struct {
		name  string
		files map[string]string
		want  []owned
		text  string // stands in the text of the first owner
	}{
		{name: "nothing"},
		{
			name:  "an ordinary host",
			files: map[string]string{"etc/sysctl.d/50-admin.conf": "# mine\n" + fin + " = 30\n", "etc/os-release": "ID=debian\n", "usr/lib/tuned/throughput/tuned.conf": "[sysctl]\n" + rmem + "=1 2 3\n"},
		},
		{
			name: "tuned wins nothing but writes back",
			files: map[string]string{
				"etc/tuned/active_profile":                        "throughput-performance\n",
				"usr/lib/tuned/throughput-performance/tuned.conf": "[main]\ninclude=base\n[sysctl]\n" + rmem + "=\"4096 1 2\"\n",
				"usr/lib/tuned/profiles/base/tuned.conf":          "[my]\ntype=sysctl\nnet/core/somaxconn=>2048\n[disk]\n" + fin + "=1\n",
			},
			want: []owned{{"tuned", "/etc/tuned/active_profile", []string{rmem, somaxconn}}},
			text: "so the drop-in wins",
		},
		{
			name: "tuned without reapplying, the administrator's copy of a profile",
			files: map[string]string{
				"etc/tuned/active_profile":               "mine",
				"etc/tuned/tuned-main.conf":              "# x\nreapply_sysctl = 0\n",
				"etc/tuned/mine/tuned.conf":              "[sysctl]\n" + fin + " = 20\n",
				"usr/lib/tuned/profiles/mine/tuned.conf": "[sysctl]\n" + rmem + " = 20\n",
			},
			want: []owned{{"tuned", "/etc/tuned/active_profile", []string{fin}}},
			text: "over the drop-in (reapply_sysctl = 0)",
		},
		{
			name:  "tuned with a profile that is gone",
			files: map[string]string{"etc/tuned/active_profile": "../../etc/evil loop", "usr/lib/tuned/loop/tuned.conf": "[main]\ninclude=loop\n"},
			want:  []owned{{"tuned", "/etc/tuned/active_profile", nil}},
			text:  "../../etc/evil was not found",
		},
		{name: "tuned turned off", files: map[string]string{"etc/tuned/active_profile": "\n"}},
		{
			name:  "bpftune runs",
			files: map[string]string{"run/bpftune/server-port": "1"},
			want:  []owned{{"bpftune", "", []string{rmem}}},
			text:  "while it runs",
		},
		{
			name:  "bpftune enabled: the link leads to nothing in this root",
			files: map[string]string{"etc/systemd/system/multi-user.target.wants/bpftune.service": "-> /usr/lib/systemd/system/bpftune.service"},
			want:  []owned{{"bpftune", "/etc/systemd/system/multi-user.target.wants/bpftune.service", []string{rmem}}},
		},
		{
			name:  "a Kubernetes node",
			files: map[string]string{"var/lib/kubelet/config.yaml": "", "var/lib/kubelet/pods/1234/containers/kube-proxy/x": ""},
			want:  []owned{{"kubelet", "/var/lib/kubelet/config.yaml", nil}, {"kube-proxy", "", []string{conntrack}}},
			text:  "a pod has network settings of its own",
		},
		{
			name: "Cilium and a CNI",
			files: map[string]string{
				"etc/sysctl.d/99-zzz-override_cilium.conf": "net.ipv4.conf.*.rp_filter = 0\n-net.ipv4.conf.all.rp_filter\n",
				"etc/cni/net.d/10-bridge.conflist":         `{"name":"n","plugins":[{"type":"bridge"},{"type":"portmap"}]}`,
				"etc/cni/net.d/README":                     "x",
			},
			want: []owned{
				{"Cilium", "/etc/sysctl.d/99-zzz-override_cilium.conf", []string{filter}},
				{"CNI", "/etc/cni/net.d/10-bridge.conflist", []string{filter}},
			},
			text: "sorts after the drop-in",
		},
		{
			name:  "ufw",
			files: map[string]string{"etc/ufw/ufw.conf": "ENABLED=yes\n", "etc/ufw/sysctl.conf": "net/ipv4/tcp_fin_timeout=30\n#net/core/somaxconn=1\n"},
			want:  []owned{{"ufw", "/etc/ufw/sysctl.conf", []string{fin}}},
		},
		{
			name:  "ufw turned off",
			files: map[string]string{"etc/ufw/ufw.conf": "# x\nENABLED=no\n", "etc/ufw/sysctl.conf": "net/ipv4/tcp_fin_timeout=30\n"},
		},
		{
			name: "Chef, one file per key",
			files: map[string]string{
				"etc/sysctl.d/99-chef-net.core.somaxconn.conf":       somaxconn + " = 1024\n",
				"etc/sysctl.d/99-chef-kernel.panic.conf":             "kernel.panic = 1\n",
				"etc/sysctl.d/99-chef-net.ipv4.tcp_fin_timeout.conf": fin + " = 10\n",
			},
			want: []owned{{"Chef", "/etc/sysctl.d/99-chef-net.core.somaxconn.conf", []string{somaxconn, fin}}},
			text: "this file and 2 more",
		},
		{
			name: "each by its own words",
			files: map[string]string{
				"etc/sysctl.d/10-x.conf":               "# Ansible managed: do not edit\n" + fin + "=1\n",
				"etc/sysctl.d/net.core.somaxconn.conf": somaxconn + " = 5\n",
				"etc/sysctl.d/99-salt.conf":            "#\n# Kernel sysctl configuration\n#\n" + rmem + " = 1 2 3\n",
				"etc/sysctl.d/20-web.conf":             fin + "=1\n# Managed by Chef\n", // not before the first setting
				"etc/sysctl.d/99-sysctl.conf":          "-> ../sysctl.conf",
				"etc/sysctl.conf":                      "; Managed by Puppet\n" + fin + "=1\n",
			},
			want: []owned{
				{"Ansible", "/etc/sysctl.d/10-x.conf", []string{fin}},
				{"Puppet", "/etc/sysctl.d/99-sysctl.conf", []string{fin, somaxconn}},
				{"Salt", "/etc/sysctl.d/99-salt.conf", []string{rmem}},
			},
			text: "sets its keys again at its next run",
		},
		{
			name:  "NixOS",
			files: map[string]string{"etc/os-release": "NAME=NixOS\nID=nixos\n"},
			want:  []owned{{"NixOS", "/etc/os-release", nil}},
			text:  "boot.kernel.sysctl",
		},
		{
			name:  "links stay inside the root",
			files: map[string]string{"etc/tuned/active_profile": "-> /../../../../../etc/hostname", "etc/os-release": "-> /nowhere"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			owners := FindOwners(writeTree(t, tt.files), keys)
			var got []owned
			for _, o := range owners {
				w := owned{Name: o.Name, File: o.File}
				for _, k := range o.Keys {
					w.Keys = append(w.Keys, k.String())
				}
				got = append(got, w)
				if o.Text == "" {
					t.Errorf("%s: no text", o.Name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.text != "" && (len(owners) == 0 || !strings.Contains(owners[0].Text, tt.text)) {
				t.Errorf("want %q in the text of the first of %+v", tt.text, owners)
			}
		})
	}
}

func TestFindOwnersWithoutKeys(t *testing.T) {
	root := writeTree(t, map[string]string{"etc/sysctl.d/99-salt.conf": "vm.swappiness = 1\n"})
	owners := FindOwners(root, []sysctl.Key{})
	if !slices.EqualFunc(owners, []string{"Salt"}, func(o Owner, name string) bool { return o.Name == name && len(o.Keys) == 0 }) {
		t.Errorf("got %+v", owners)
	}
}
