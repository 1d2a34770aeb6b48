// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// probe is a key that no other rule is about. Its default is 600 s.
const probe = "net.ipv4.tcp_probe_interval"

// configRows are about the lines of sysctl files. The real loaders read them, in a
// container that systemd boots.
func configRows() []row {
	loaders := needs{programs: []string{systemdSysctl(), procpsSysctl()}}
	warning := func(ids ...string) findings {
		f := findings{}
		for _, id := range ids {
			f[id] = rules.Warning
		}
		return f
	}
	return []row{
		{
			rule: "config-duplicate-conflict", needs: loaders, symptom: "60-admin.conf sets 300, k8s.conf sets 500",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": probe + " = 300\n", "/etc/sysctl.d/k8s.conf": probe + " = 500\n"},
			finds: warning("config-duplicate-conflict"), verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval after the boot",
			cure:   acted("give it the value that you want and delete the others", "the line in k8s.conf is deleted"), effect: falls(500, 300),
			stage: booted(map[string]string{"/etc/sysctl.d/k8s.conf": ""}, keyNow(probe)),
		},
		{
			rule: "config-tools-disagree", variant: "sysctl.conf", needs: loaders, symptom: "99-zz-other.conf sets 400, /etc/sysctl.conf sets 500, and no link leads there",
			files: map[string]string{"/etc/sysctl.d/99-zz-other.conf": probe + "=400\n", "/etc/sysctl.conf": probe + " = 500\n"},
			finds: warning("config-tools-disagree", "config-duplicate-conflict", "sysctl-conf-ignored"), verdict: rules.VerdictConfigFile,
			number: "s between what sysctl --system and the boot leave",
			cure:   acted("move this line to a file that both read last, such as /etc/sysctl.d/99-zz-local.conf", "the line is moved there, and the other one deleted"),
			effect: falls(100, 0),
			stage:  booted(map[string]string{"/etc/sysctl.conf": "", "/etc/sysctl.d/99-zz-other.conf": "", "/etc/sysctl.d/99-zz-local.conf": probe + " = 500\n"}, disagreement(probe)),
		},
		{
			rule: "config-tools-disagree", variant: "exclusion", needs: loaders, symptom: "60-admin.conf sets 500, 70-other.conf excludes the key from patterns",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": probe + " = 500\n", "/etc/sysctl.d/70-other.conf": "-" + probe + "\n"},
			finds: warning("config-tools-disagree"), verdict: rules.VerdictConfigFile,
			number: "s between what sysctl --system and the boot leave",
			cure:   acted("write KEY = VALUE once", "the exclusion is deleted"), effect: falls(100, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/70-other.conf": ""}, disagreement(probe)),
		},
		{
			rule: "sysctl-conf-ignored", variant: "move", needs: loaders, symptom: "/etc/sysctl.conf sets 300, and no link leads there",
			files: map[string]string{"/etc/sysctl.conf": probe + " = 300\n"},
			finds: warning("sysctl-conf-ignored"), verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval after the boot",
			cure:   acted("move the lines to a file in /etc/sysctl.d", "mv -n /etc/sysctl.conf /etc/sysctl.d/60-local.conf"), effect: falls(600, 300),
			stage: commanded("mv", "-n", "/etc/sysctl.conf", "/etc/sysctl.d/60-local.conf"),
		},
		{
			rule: "sysctl-conf-ignored", variant: "link", needs: loaders, symptom: "/etc/sysctl.conf sets 300, and no link leads there",
			files: map[string]string{"/etc/sysctl.conf": probe + " = 300\n"},
			finds: warning("sysctl-conf-ignored"), verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval after the boot",
			cure:   acted("keep the file where it is", "ln -s ../sysctl.conf /etc/sysctl.d/99-sysctl.conf"), effect: falls(600, 300),
			stage: commanded("ln", "-s", "../sysctl.conf", "/etc/sysctl.d/99-sysctl.conf"),
		},
		{
			rule: "config-live-differs", needs: loaders, symptom: "60-admin.conf sets 300, and somebody writes 600 after the boot",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": probe + " = 300\n"},
			finds: findings{"config-live-differs": rules.Notice}, verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval",
			cure:   acted("make it live", "sysctl -w net.ipv4.tcp_probe_interval=300"), effect: falls(600, 300),
			stage: changedAfterBoot,
		},
		{
			rule: "config-overridden", needs: loaders, symptom: "60-tcptune.conf sets 300, 99-zz-other.conf sets 400",
			files: map[string]string{"/etc/sysctl.d/60-tcptune.conf": probe + " = 300\n", "/etc/sysctl.d/99-zz-other.conf": probe + " = 400\n"},
			finds: warning("config-overridden", "config-duplicate-conflict"), verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval after the boot",
			cure:   acted("delete this line", "the line in 99-zz-other.conf is deleted"), effect: falls(400, 300),
			stage: booted(map[string]string{"/etc/sysctl.d/99-zz-other.conf": ""}, keyNow(probe)),
		},
		{
			rule: "config-unknown-key", variant: "typo", needs: loaders, symptom: "60-admin.conf sets tcp_probe_intervall to 300",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": probe + "l = 300\n"},
			finds: findings{"config-unknown-key": rules.Notice}, verdict: rules.VerdictConfigFile,
			number: "s of tcp_probe_interval after the boot",
			cure:   acted("write "+probe+" instead of "+probe+"l", "one letter is deleted"), effect: falls(600, 300),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": probe + " = 300\n"}, keyNow(probe)),
		},
		{
			rule: "config-unknown-key", variant: "removed", needs: loaders, symptom: "60-admin.conf sets tcp_frto_response, which kernels no longer have",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_frto_response = 2\n"},
			finds: findings{"config-unknown-key": rules.Notice}, verdict: rules.VerdictConfigFile,
			number: "is the exit status of sysctl -p",
			cure:   acted("delete the line", "the line is deleted"), effect: falls(1, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": ""}, exitStatus(procpsSysctl(), "-p", "/etc/sysctl.d/60-admin.conf")),
		},
		{
			rule: "config-partial-triple", needs: loaders, symptom: `60-admin.conf sets two numbers of tcp_rmem over "131072 262144 524288"`,
			settings: map[string]string{"net.ipv4.tcp_rmem": "131072 262144 524288"},
			files:    map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_rmem = 4096 131072\n"},
			finds:    warning("config-partial-triple"), verdict: rules.VerdictConfigFile,
			number: "bytes of the third number after the boot",
			cure:   acted("write all numbers of net.ipv4.tcp_rmem", "the line gets the third number 262144"), effect: falls(524288, 262144),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_rmem = 4096 131072 262144\n"}, field3("net.ipv4.tcp_rmem")),
		},
		{
			rule: "config-nonsense-accepted", needs: loaders, symptom: "60-admin.conf sets tcp_fin_timeout to 70",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_fin_timeout = 70\n"},
			finds: warning("config-nonsense-accepted"), verdict: rules.VerdictConfigFile,
			number: "s that an orphan in FIN_WAIT_2 has left",
			cure:   acted("correct the value", "the line says 60"), effect: rises(20, 40),
			stage: orphaned(map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_fin_timeout = 60\n"}),
		},
		{
			rule: "config-value-refused", needs: loaders, symptom: "60-admin.conf sets tcp_tw_reuse to 9",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_tw_reuse = 9\n"},
			finds: findings{"config-value-refused": rules.Notice}, verdict: rules.VerdictConfigFile,
			number: "is the exit status of systemd-sysctl",
			cure:   acted("correct the value", "the line says 2"), effect: falls(1, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_tw_reuse = 2\n"}, exitStatus(systemdSysctl())),
		},
		{
			rule: "cc-not-available", needs: loaders, symptom: "60-admin.conf chooses a congestion control that no kernel has",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_congestion_control = nosuch\n"},
			finds: warning("cc-not-available"), verdict: rules.VerdictConfigFile,
			number: "is the exit status of sysctl -p",
			cure:   acted("choose one that this kernel has", "the line says reno"), effect: falls(1, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.tcp_congestion_control = reno\n"}, exitStatus(procpsSysctl(), "-p", "/etc/sysctl.d/60-admin.conf")),
		},
		{
			rule: "key-host-only", needs: loaders, symptom: "60-admin.conf sets net.core.netdev_max_backlog in a container",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.core.netdev_max_backlog = 2500\n"},
			finds: findings{"key-host-only": rules.Notice}, verdict: rules.VerdictConfigFile,
			number: "is the exit status of sysctl -p",
			cure:   acted("delete the line here", "the line is deleted"), effect: falls(1, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": ""}, exitStatus(procpsSysctl(), "-p", "/etc/sysctl.d/60-admin.conf")),
		},
		{
			rule: "hardening-basics", needs: loaders, symptom: "60-admin.conf sets conf.all.accept_redirects to 0, and nothing else",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": "net.ipv4.conf.all.accept_redirects = 0\n"},
			finds: findings{"hardening-basics": rules.Info}, verdict: rules.VerdictSysctl,
			number: "of conf.all and conf.eth0 that let redirects in", cure: recommended("low"), effect: falls(1, 0),
			stage: func(t *testing.T) *stage {
				host := bySystemd(t, lab.NewPair(t).Server)
				return &stage{
					host: host, load: func(t *testing.T) { load(t, host, systemdSysctl()) },
					number: func(t *testing.T) float64 {
						return keyNow("net.ipv4.conf.all.accept_redirects")(t, host) + keyNow("net.ipv4.conf.eth0.accept_redirects")(t, host)
					},
				}
			},
		},
		{
			rule: "tw-recycle-in-config", variant: "article", needs: loaders, symptom: "the four lines of an article in 60-admin.conf",
			files: map[string]string{"/etc/sysctl.d/60-admin.conf": article("net.ipv4.tcp_tw_recycle = 1\n")},
			finds: warning("tw-recycle-in-config"), verdict: rules.VerdictConfigFile,
			number: "is the exit status of sysctl -p",
			cure:   acted("delete the line; nothing takes its place", "the line is deleted"), effect: falls(1, 0),
			stage: booted(map[string]string{"/etc/sysctl.d/60-admin.conf": article("")}, exitStatus(procpsSysctl(), "-p", "/etc/sysctl.d/60-admin.conf")),
		},
	}
}

// article is the block of lines that articles repeat.
func article(recycle string) string {
	return "net.ipv4.tcp_syncookies = 1\nnet.ipv4.tcp_tw_reuse = 1\n" + recycle + "net.ipv4.tcp_fin_timeout = 30\n"
}

func systemdSysctl() string {
	return firstProgram("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
}

func procpsSysctl() string { return firstProgram("/usr/sbin/sysctl", "/sbin/sysctl") }

// firstProgram returns the first name that exists, or else the first.
func firstProgram(names ...string) string {
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return names[0]
}

// bySystemd makes a host one that systemd boots.
func bySystemd(t *testing.T, host *lab.Host) *lab.Host {
	t.Helper()
	host.Container = true
	const runs = "/run/systemd/system"
	if _, err := os.Stat(runs); err != nil { // else the tree shows the machine's
		host.Tree.WriteFile(t, runs+"/lab", "")
	}
	return host
}

// load runs a loader, or another program, and returns its exit status. Loaders speak on
// standard error.
func load(t *testing.T, host *lab.Host, program string, args ...string) int {
	t.Helper()
	out, err := host.Command(program, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Logf("%s %v: %v\n%s", program, args, err, out)
	if err != nil {
		return exit.ExitCode()
	}
	return 0
}

// A reading is a number of a host.
type reading func(t *testing.T, host *lab.Host) float64

// keyNow is the live value of a key.
func keyNow(key string) reading {
	return func(t *testing.T, host *lab.Host) float64 { return number(t, host.ReadSysctl(t, key)) }
}

// field3 is the third number of a key.
func field3(key string) reading {
	return func(t *testing.T, host *lab.Host) float64 {
		var first, second, third float64
		if _, err := fmt.Sscan(host.ReadSysctl(t, key), &first, &second, &third); err != nil {
			t.Fatal(err)
		}
		return third
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// exitStatus is the exit status of a program.
func exitStatus(program string, args ...string) reading {
	return func(t *testing.T, host *lab.Host) float64 { return float64(load(t, host, program, args...)) }
}

// disagreement is how far apart the values are that the two loaders leave. It ends as
// after a boot.
func disagreement(key string) reading {
	return func(t *testing.T, host *lab.Host) float64 {
		load(t, host, procpsSysctl(), "--system")
		system := keyNow(key)(t, host)
		host.Sysctl(t, key, "600")
		load(t, host, systemdSysctl())
		return math.Abs(system - keyNow(key)(t, host))
	}
}

// booted loads the files as the boot does; the action writes files anew.
func booted(files map[string]string, read reading) func(t *testing.T) *stage {
	return func(t *testing.T) *stage {
		host := bySystemd(t, lab.NewHost(t, "host"))
		return &stage{
			host: host, act: func(t *testing.T) { writeFiles(t, host, files) },
			load:   func(t *testing.T) { load(t, host, systemdSysctl()) },
			number: func(t *testing.T) float64 { return read(t, host) },
		}
	}
}

func writeFiles(t *testing.T, host *lab.Host, files map[string]string) {
	t.Helper()
	for name, text := range files {
		host.Tree.WriteFile(t, name, text)
	}
}

// commanded loads the files as the boot does; the action is a command.
func commanded(program string, args ...string) func(t *testing.T) *stage {
	return func(t *testing.T) *stage {
		s := booted(nil, keyNow(probe))(t)
		s.act = func(t *testing.T) {
			if status := load(t, s.host, program, args...); status != 0 {
				t.Fatalf("%s: status %d", program, status)
			}
		}
		return s
	}
}

// changedAfterBoot changes a value after the files were loaded.
func changedAfterBoot(t *testing.T) *stage {
	s := commanded(procpsSysctl(), "-w", probe+"=300")(t)
	done := false
	s.load = func(t *testing.T) {
		if !done {
			load(t, s.host, systemdSysctl())
			s.host.Sysctl(t, probe, "600")
		}
		done = true
	}
	return s
}

// orphaned loads the files as the boot does, and then closes connections whose peers do
// not.
func orphaned(files map[string]string) func(t *testing.T) *stage {
	return func(t *testing.T) *stage {
		c := closeFirst(t, lab.Hold, 5)
		bySystemd(t, c.host)
		traffic := c.load
		c.load = func(t *testing.T) {
			load(t, c.host, systemdSysctl())
			traffic(t)
		}
		c.act = func(t *testing.T) { writeFiles(t, c.host, files) }
		c.number = func(t *testing.T) float64 { return c.longest(t, lab.FinWait2) }
		return &c.stage
	}
}
