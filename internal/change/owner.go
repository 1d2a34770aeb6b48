// SPDX-License-Identifier: Apache-2.0

package change

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// FindOwners names other software below root that writes sysctls, with those of
// keys that it is known to write. What is installed and not in use is not named.
// Text may quote names from the examined files: whoever prints it cleans it.
func FindOwners(root string, keys []sysctl.Key) []Owner {
	host := hostFiles(root)
	var owners []Owner
	for _, find := range []func(hostFiles, []sysctl.Key) []Owner{
		findTuned, findBpftune, findKube, findCNI, findUfw, findManagers, findSystem,
	} {
		owners = append(owners, find(host, keys)...)
	}
	return owners
}

// among returns those of keys that a pattern names.
func among(keys []sysctl.Key, patterns []sysctl.Key) []sysctl.Key {
	var found []sysctl.Key
	for _, key := range keys {
		if slices.ContainsFunc(patterns, func(p sysctl.Key) bool { return p.Match(key) }) {
			found = append(found, key)
		}
	}
	return found
}

// patterns parses keys that are written in this package.
func patterns(names ...string) []sysctl.Key {
	keys := make([]sysctl.Key, len(names))
	for i, name := range names {
		keys[i] = sysctl.MustKey(name)
	}
	return keys
}

// linesOf returns the keys that a file in the syntax of sysctl.d sets.
func linesOf(name, text string) []sysctl.Key {
	lines, _ := sysctl.ParseLines(name, strings.NewReader(text))
	var keys []sysctl.Key
	for _, line := range lines {
		if line.HasValue && !slices.Contains(keys, line.Key) {
			keys = append(keys, line.Key)
		}
	}
	return keys
}

// findBpftune finds the daemon by the directory that it makes when it starts, or by
// its unit being enabled. The keys are those of the manual pages bpftune-*(8);
// bpftune-sysctl(8) says that it gives way.
func findBpftune(host hostFiles, keys []sysctl.Key) []Owner {
	const unit = "/etc/systemd/system/multi-user.target.wants/bpftune.service"
	file := ""
	switch {
	case host.has("/run/bpftune"):
	case slices.Contains(host.names(path.Dir(unit)), path.Base(unit)):
		file = unit
	default:
		return nil
	}
	return []Owner{{
		Name: "bpftune",
		Text: "bpftune raises these values while it runs; when it sees somebody else write one of them, it turns the tuner that has it off",
		File: file,
		Keys: among(keys, patterns("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem",
			"net.ipv4.udp_mem", "net.core.rmem_max", "net.core.rmem_default", "net.core.netdev_max_backlog",
			"net.core.flow_limit_cpu_bitmap", "net.core.netdev_budget", "net.core.netdev_budget_usecs",
			"net.ipv4.neigh.*.gc_thresh*", "net.ipv6.neigh.*.gc_thresh*")),
	}}
}

// findKube finds a Kubernetes node by the kubelet's directories, and kube-proxy by
// its configuration or its container.
func findKube(host hostFiles, keys []sysctl.Key) []Owner {
	var owners []Owner
	if file := host.first("/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeconfig", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/kubelet"); file != "" {
		owners = append(owners, Owner{
			Name: "kubelet",
			Text: "this is a Kubernetes node: the kubelet sets vm and kernel keys when it starts (protectKernelDefaults); a pod has network settings of its own, which the node's do not reach",
			File: file,
			Keys: among(keys, patterns("vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops", "kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes")),
		})
	}
	file := host.first("/var/lib/kube-proxy", "/etc/kubernetes/kube-proxy.conf", "/etc/kubernetes/kube-proxy.yaml", "/etc/kubernetes/manifests/kube-proxy.yaml")
	if file != "" || kubeProxyPod(host) {
		owners = append(owners, Owner{
			Name: "kube-proxy",
			Text: "kube-proxy sets these keys each time it starts, over the drop-in (its options conntrack-max-per-core and conntrack-tcp-timeout-*, 0 leaves them alone)",
			File: file,
			Keys: among(keys, patterns("net.netfilter.nf_conntrack_max", "net.nf_conntrack_max", "net.netfilter.nf_conntrack_tcp_timeout_established",
				"net.netfilter.nf_conntrack_tcp_timeout_close_wait", "net.netfilter.nf_conntrack_tcp_be_liberal", "net.netfilter.nf_conntrack_udp_timeout*",
				"net.ipv4.ip_forward", "net.ipv4.conf.all.route_localnet", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce",
				"net.ipv4.vs.*", "net.bridge.bridge-nf-call-iptables")),
		})
	}
	return owners
}

// first returns the first of the names that is there, or "".
func (h hostFiles) first(names ...string) string {
	for _, name := range names {
		if h.has(name) {
			return name
		}
	}
	return ""
}

// kubeProxyPod reports whether the kubelet keeps a container called kube-proxy.
func kubeProxyPod(host hostFiles) bool {
	const pods = "/var/lib/kubelet/pods"
	for _, pod := range host.names(pods) {
		if host.has(path.Join(pods, pod, "containers/kube-proxy")) {
			return true
		}
	}
	return false
}

// findCNI finds the networks that the container runtime loads, and Cilium's file.
func findCNI(host hostFiles, keys []sysctl.Key) []Owner {
	var owners []Owner
	// Written by Cilium's sysctlfix, which restarts systemd-sysctl afterwards.
	const cilium = "/etc/sysctl.d/99-zzz-override_cilium.conf"
	if text, ok := host.text(cilium); ok {
		owners = append(owners, Owner{
			Name: "Cilium",
			Text: "Cilium writes this file and reloads all of sysctl.d when its agent starts; its name sorts after the drop-in, so its lines win",
			File: cilium,
			Keys: among(keys, linesOf(cilium, text)),
		})
	}
	const dir = "/etc/cni/net.d"
	var files, types []string
	for _, name := range host.names(dir) {
		if !slices.Contains([]string{".conf", ".conflist", ".json"}, path.Ext(name)) {
			continue
		}
		if text, ok := host.text(path.Join(dir, name)); ok {
			files = append(files, path.Join(dir, name))
			types = append(types, cniTypes(text)...)
		}
	}
	if len(files) == 0 {
		return owners
	}
	text := "a container network sets forwarding and per-interface keys when it starts and for each new interface"
	if len(types) > 0 {
		text += " (plugins " + strings.Join(slices.Compact(types), ", ") + ")"
	}
	return append(owners, Owner{
		Name: "CNI",
		Text: text,
		File: files[0],
		Keys: among(keys, patterns("net.ipv4.ip_forward", "net.ipv4.conf.*.*", "net.ipv6.conf.*.*", "net.bridge.*")),
	})
}

// cniTypes returns the plugins of a network configuration or a list of them.
func cniTypes(text string) []string {
	type plugin struct {
		Type string `json:"type"`
	}
	var network struct {
		plugin
		Plugins []plugin `json:"plugins"`
	}
	if json.Unmarshal([]byte(text), &network) != nil {
		return nil
	}
	var types []string
	for _, p := range append([]plugin{network.plugin}, network.Plugins...) {
		if p.Type != "" {
			types = append(types, p.Type)
		}
	}
	return types
}

// findUfw finds the file that ufw hands to sysctl -p at every start, unless ufw is
// turned off.
func findUfw(host hostFiles, keys []sysctl.Key) []Owner {
	if strings.EqualFold(host.assignments("/etc/ufw/ufw.conf")["ENABLED"], "no") {
		return nil
	}
	file := host.assignments("/etc/default/ufw")["IPT_SYSCTL"]
	if !path.IsAbs(file) {
		file = "/etc/ufw/sysctl.conf"
	}
	text, ok := host.text(file)
	if !ok {
		return nil
	}
	return []Owner{{
		Name: "ufw",
		Text: "ufw loads this file whenever the firewall starts, after sysctl.d, so its lines win then",
		File: file,
		Keys: among(keys, linesOf(file, text)),
	}}
}

// findSystem finds systems whose /etc is made from something else.
func findSystem(host hostFiles, keys []sysctl.Key) []Owner {
	release := host.first("/etc/os-release", "/usr/lib/os-release")
	id := host.assignments(release)["ID"]
	if id != "nixos" && host.has("/etc/NIXOS") {
		id, release = "nixos", "/etc/NIXOS"
	}
	name, how := "", ""
	switch id {
	case "nixos":
		name, how = "NixOS", "boot.kernel.sysctl in the system's configuration"
	case "talos":
		name, how = "Talos", "machine.sysctls in the machine's configuration"
	case "bottlerocket":
		name, how = "Bottlerocket", "settings.kernel.sysctl of its API"
	case "cos":
		name, how = "Container-Optimized OS", "a startup script or cloud-init: /etc is empty again after a reboot"
	default:
		return nil
	}
	return []Owner{{
		Name: name,
		Text: fmt.Sprintf("%s makes /etc itself, so a drop-in may not last; the lasting place for a setting is %s", name, how),
		File: release,
		Keys: nil,
	}}
}
