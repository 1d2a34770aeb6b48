// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	id64  = "3f2a9c1b7d21e0c4558a6b1f0e9d8c7b6a5f4e3d2c1b0a99887766554433aabb"
	id64b = "b0a99887766554433aabb3f2a9c1b7d21e0c4558a6b1f0e9d8c7b6a5f4e3d2c1"
	uid   = "5a3e8c1d-0b2f-4c6e-9d7a-1f2e3d4c5b6a"
)

// TestParseCgroup has paths as the runtimes make them; the ids are made up.
func TestParseCgroup(t *testing.T) {
	slice := "kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice"
	tests := []struct {
		name, text string
		want       Container
	}{
		{"docker, systemd, v2", "0::/system.slice/docker-" + id64 + ".scope\n", Container{"docker", id64, ""}},
		{"docker, cgroupfs, v1", "12:pids:/docker/" + id64 + "\n11:cpu,cpuacct:/docker/" + id64 + "\n1:name=systemd:/docker/" + id64 + "\n0::/system.slice/containerd.service\n", Container{"docker", id64, ""}},
		{"docker, with cgroups of its own below", "0::/docker/" + id64 + "/init.scope\n", Container{"docker", id64, ""}},
		{"seen from another cgroup namespace", "0::/../docker-" + id64 + ".scope\n", Container{"docker", id64, ""}},
		{"kubernetes, containerd, systemd, v2", "0::/kubepods.slice/kubepods-burstable.slice/" + slice + "/cri-containerd-" + id64 + ".scope\n", Container{"containerd", id64, uid}},
		{"kubernetes, guaranteed", "0::/kubepods.slice/kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/crio-" + id64 + ".scope\n", Container{"crio", id64, uid}},
		{"kubernetes, cgroupfs, v1", "4:memory:/kubepods/besteffort/pod" + uid + "/" + id64 + "\n", Container{"container", id64, uid}},
		{"kubernetes, dockershim", "1:name=systemd:/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/docker-" + id64 + ".scope\n", Container{"docker", id64, uid}},
		{"kubernetes, static pod", "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" + id64 + ".scope\n", Container{"containerd", id64, "0123456789abcdef0123456789abcdef"}},
		{"containerd without the systemd driver", "0::/system.slice/containerd.service/" + slice + ":cri-containerd:" + id64 + "\n", Container{"containerd", id64, uid}},
		{"kind: a pod in a container", "0::/docker/" + id64b + "/kubelet.slice/kubelet-kubepods.slice/kubelet-" + slice + "/cri-containerd-" + id64 + ".scope\n", Container{"containerd", id64, uid}},
		{"podman, rootless", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id64 + ".scope/container\n", Container{"podman", id64, ""}},
		{"podman, a pod of podman", "0::/machine.slice/machine-libpod_pod_" + id64b + ".slice/libpod-" + id64 + ".scope\n", Container{"podman", id64, ""}},
		{"podman's monitor is outside", "0::/machine.slice/libpod-conmon-" + id64 + ".scope\n", Container{}},
		{"crio's monitor is outside", "0::/system.slice/crio-conmon-" + id64 + ".scope\n", Container{}},
		{"nerdctl", "0::/system.slice/nerdctl-" + id64 + ".scope\n", Container{"containerd", id64, ""}},
		{"ecs", "9:memory:/ecs/0123456789abcdef0123456789abcdef/" + id64 + "\n", Container{"container", id64, ""}},
		{"lxc, v2", "0::/lxc.payload.web1/system.slice/nginx.service\n", Container{"lxc", "web1", ""}},
		{"lxc, v1", "3:cpuset:/lxc/web1\n", Container{"lxc", "web1", ""}},
		{"lxc's monitor is outside", "0::/lxc.monitor.web1\n", Container{}},
		{"docker in lxc", "0::/lxc.payload.web1/system.slice/docker-" + id64 + ".scope\n", Container{"docker", id64, ""}},
		{"nspawn", `0::/machine.slice/machine-debian\x2dtree.scope/payload` + "\n", Container{"machine", "debian-tree", ""}},
		{"nspawn as a service", "0::/machine.slice/systemd-nspawn@build.service/payload\n", Container{"machine", "build", ""}},
		{"a bad escape stays", `0::/machine.slice/machine-a\xzz\x2.scope` + "\n", Container{"machine", `a\xzz\x2`, ""}},
		{"a service", "0::/system.slice/nginx.service\n", Container{}},
		{"a login", "0::/user.slice/user-0.slice/session-3.scope\n", Container{}},
		{"the pods' parents", "0::/kubepods.slice/kubepods-burstable.slice\n", Container{}},
		{"a service that begins like a pod", "0::/system.slice/podman.service\n", Container{}},
		{"a hash that is no id", "0::/buildkit/" + id64[:40] + "\n", Container{}},
		{"the root", "0::/\n", Container{}},
		{"empty", "", Container{}},
		{"not a cgroup file", "nothing\n", Container{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseCgroup(strings.NewReader(test.text))
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("(-want +got), error %v\n%s", err, diff)
			}
		})
	}
	if _, err := ParseCgroup(strings.NewReader(strings.Repeat("a", maxCgroupBytes+1))); err == nil {
		t.Error("a file without end was taken")
	}
}

func FuzzParseCgroup(f *testing.F) {
	f.Add("0::/system.slice/docker-" + id64 + ".scope\n")
	f.Add("4:memory:/kubepods/besteffort/pod" + uid + "/" + id64 + "\n")
	f.Add(`0::/machine.slice/machine-a\x2.scope:lxc` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCgroup(strings.NewReader(text))
		if err != nil && c != (Container{}) {
			t.Errorf("a container and the error %v", err)
		}
		if c.Pod != "" && (len(c.Pod) < 32 || !strings.Contains(strings.ReplaceAll(text, "_", "-"), c.Pod)) {
			t.Errorf("pod %q is not in %q", c.Pod, text)
		}
		if (c.Runtime == "") != (c.ID == "") {
			t.Errorf("half a container: %+v", c)
		}
		_ = c.short()
	})
}
