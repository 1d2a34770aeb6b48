// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Container is what the cgroup of a process tells of the container that it
// runs in. The zero value stands for none.
type Container struct {
	Runtime string // docker, podman, containerd, crio, lxc, machine; container where it cannot be told
	ID      string // 64 hexadecimal digits, or a name for lxc and machine
	Pod     string // uid of the Kubernetes pod
}

// maxCgroupBytes bounds how much of /proc/PID/cgroup is read: one line for
// each hierarchy, at most 4096 bytes of path in each.
const maxCgroupBytes = 128 << 10

var errTooLong = errors.New("too long")

// ParseCgroup reads /proc/PID/cgroup, see cgroups(7). Of several hierarchies
// the one that tells most is used, the first among equals.
func ParseCgroup(r io.Reader) (Container, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCgroupBytes+1))
	if err != nil {
		return Container{}, err
	}
	if len(data) > maxCgroupBytes {
		return Container{}, fmt.Errorf("read cgroups: %w", errTooLong)
	}
	var best Container
	for line := range strings.Lines(string(data)) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok {
			continue
		}
		_, path, ok := strings.Cut(rest, ":")
		if c := containerOf(path); ok && c.told() > best.told() {
			best = c
		}
	}
	return best, nil
}

// told is how much is known of a container.
func (c Container) told() (n int) {
	if c.Pod != "" {
		n += 2
	}
	if c.ID != "" {
		n++
	}
	return n
}

// containerOf finds the innermost container of a cgroup path. A container in a
// container (kind, Docker in Docker) stands further to the right.
func containerOf(path string) (c Container) {
	outer := "" // the component before
	for component := range strings.SplitSeq(path, "/") {
		// containerd without the systemd driver: kubepods-podUID.slice:cri-containerd:ID
		for part := range strings.SplitSeq(component, ":") {
			switch found, ok := containerNamed(part, outer); {
			case !ok:
			case found.Pod != "":
				c = found
			default:
				found.Pod = c.Pod
				c = found
			}
			outer = part
		}
	}
	return c
}

// containerNamed is what one component of a path tells, given the one before.
func containerNamed(component, outer string) (Container, bool) {
	if uid, ok := podUID(component); ok {
		return Container{Pod: uid}, true
	}
	name := strings.TrimSuffix(component, ".scope")
	for _, r := range []struct{ prefix, runtime string }{
		{"docker-", "docker"}, {"libpod-", "podman"}, {"cri-containerd-", "containerd"}, {"nerdctl-", "containerd"}, {"crio-", "crio"},
	} {
		if id, ok := strings.CutPrefix(name, r.prefix); ok && containerID(id) {
			return Container{Runtime: r.runtime, ID: id}, true
		}
	}
	if payload, ok := strings.CutPrefix(component, "lxc.payload."); ok && payload != "" {
		return Container{Runtime: "lxc", ID: payload}, true
	}
	if machine, ok := machineName(component); ok {
		return Container{Runtime: "machine", ID: machine}, true
	}
	switch {
	case (outer == "lxc" || outer == "lxc.payload") && component != "":
		return Container{Runtime: "lxc", ID: component}, true
	case containerID(component):
		runtime := map[string]string{"docker": "docker", "cri-containerd": "containerd", "crio": "crio"}[outer]
		if runtime == "" {
			runtime = "container"
		}
		return Container{Runtime: runtime, ID: component}, true
	}
	return Container{}, false
}

// podUID reads the uid of "kubepods-burstable-podUID.slice", where _ stands
// for -, and of "podUID".
func podUID(component string) (string, bool) {
	before, uid, ok := strings.Cut(strings.TrimSuffix(component, ".slice"), "pod")
	if strings.HasPrefix(uid, "s") { // kubepods-burstable-podUID
		var more string
		more, uid, ok = strings.Cut(uid, "-pod")
		before += more
	}
	uid = strings.ReplaceAll(uid, "_", "-")
	if !ok || before != "" && !strings.Contains(component, "kubepods") {
		return "", false
	}
	// 36 characters, or the 32 of a static pod.
	return uid, len(uid) >= 32 && len(uid) <= 36 && strings.Trim(uid, "0123456789abcdef-") == ""
}

// containerID reports whether a name is the id that runtimes give a container.
func containerID(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// machineName reads the name of a machine of systemd-machined:
// "machine-NAME.scope" or "systemd-nspawn@NAME.service".
func machineName(component string) (string, bool) {
	name, scope := strings.CutSuffix(component, ".scope")
	name, machine := strings.CutPrefix(name, "machine-")
	if !scope || !machine {
		var service bool
		name, service = strings.CutSuffix(component, ".service")
		if name, machine = strings.CutPrefix(name, "systemd-nspawn@"); !service || !machine {
			return "", false
		}
	}
	return unescapeUnit(name), name != ""
}

// unescapeUnit turns \x2d of a unit's name into -, see systemd-escape(1).
func unescapeUnit(name string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(name, `\x`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		code, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8)
		if err != nil || len(after) < 2 {
			b.WriteString(`\x`)
			name = after
			continue
		}
		b.WriteByte(byte(code))
		name = after[2:]
	}
}
