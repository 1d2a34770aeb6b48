// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"os"
	"path"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// A Boot is the loader that applies a host's files when it boots.
type Boot struct {
	Loader Loader // "" unless Known
	Known  bool   // whether the loader is one of those that are modelled
	Name   string // for people: "systemd-sysctl", "OpenRC's sysctl script"
	Reason string // what told so, or why nothing is known; a sentence without a full stop
}

// BootLoader finds the boot loader of sysctl.d files of the host, for the root "/", or
// of a directory tree: there an installed systemd counts as one that runs.
func BootLoader(root string) Boot {
	t := hostTree(root)
	if t == "" {
		t = "/"
	}
	if name := t.first("/run/systemd/system"); name != "" {
		return Boot{Systemd, true, "systemd-sysctl", name + " exists: systemd runs"}
	}
	if t != "/" {
		if name := t.first("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"); name != "" {
			return Boot{Systemd, true, "systemd-sysctl", name + " is installed"}
		}
	}
	for _, other := range otherLoaders() {
		if name := t.first(other.signs...); name != "" {
			return Boot{Name: other.name, Reason: name + " exists; its order is not modelled"}
		}
	}
	name := t.first("/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl", "/bin/sysctl")
	switch {
	case name == "":
		return Boot{Name: "unknown", Reason: "neither systemd nor a sysctl program was found"}
	case path.Base(t.target(name)) == "busybox":
		return Boot{Name: "busybox sysctl", Reason: name + " is busybox, which does not read sysctl.d by itself: that is up to a script that is not modelled"}
	case t.container():
		return Boot{Name: "unknown", Reason: "systemd does not run here, and in the network namespace of a container nothing else is known to load the files"}
	}
	return Boot{Procps, true, "sysctl --system", "systemd does not run here and " + name + " is installed"}
}

// container reports whether /proc/sys is that of another network namespace than the
// initial one, which alone has the limit of TCP's memory (since Linux 3.13).
func (t hostTree) container() bool {
	return t.first("/proc/sys/net/ipv4/ip_forward") != "" && t.first("/proc/sys/net/ipv4/tcp_mem") == ""
}

// An otherLoader is one whose order is known to differ from both models.
type otherLoader struct {
	name  string
	signs []string // files of which one exists
}

func otherLoaders() []otherLoader {
	return []otherLoader{
		{"Alpine's /etc/init.d/sysctl", []string{"/etc/alpine-release"}},
		{"Void's runit script", []string{"/etc/runit/core-services"}},
		{"OpenWrt's /etc/init.d/sysctl", []string{"/etc/openwrt_release"}},
		{"Buildroot's S02sysctl", []string{"/etc/init.d/S02sysctl"}},
		{"OpenRC's sysctl script", []string{"/run/openrc", "/sbin/openrc", "/usr/sbin/openrc", "/usr/bin/openrc"}},
	}
}

// A hostTree is a directory that is a host's root.
type hostTree string

// first returns the first of names that exists, or "".
func (t hostTree) first(names ...string) string {
	for _, name := range names {
		host, err := securejoin.SecureJoin(string(t), name)
		if err != nil {
			continue
		}
		if _, err := os.Stat(host); err == nil {
			return name
		}
	}
	return ""
}

// target returns name with its links resolved, from inside the tree; name itself if
// that fails.
func (t hostTree) target(name string) string {
	host, err := securejoin.SecureJoin(string(t), name)
	if err != nil {
		return name
	}
	inside, err := filepath.Rel(string(t), host)
	if err != nil {
		return name
	}
	return path.Join("/", filepath.ToSlash(inside))
}
