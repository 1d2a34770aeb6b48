// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Label is what a network namespace is called, and what told the name.
type Label struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Container string `json:"container,omitempty"` // id, or name for lxc and machine
	Pod       string `json:"pod,omitempty"`       // uid of the Kubernetes pod
	PID       int    `json:"pid,omitempty"`       // the lowest of those that live in it
	Command   string `json:"command,omitempty"`   // its command name, as in /proc/PID/comm
	Processes int    `json:"processes"`           // that live in it, as far as they could be seen
	Enter     string `json:"enter,omitempty"`     // what to put before a command to run it there
}

// Kinds of labels.
const (
	KindHost      = "host"      // that of process 1
	KindNamed     = "named"     // of ip netns, or mounted by hand
	KindPod       = "pod"       // Kubernetes
	KindContainer = "container" // docker, podman, lxc ...
	KindMount     = "mount"     // mounted by a program, and nobody lives in it
	KindProcess   = "process"
)

// HostName is the name of the namespace of process 1.
const HostName = "host"

// The directories that programs mount network namespaces in.
const (
	namedDir  = "/run/netns"
	dockerDir = "/run/docker/netns"
)

// shortID is how much of a container's id its runtime shows.
const shortID = 12

// newLabel names a namespace: a name that a person gave, the pod or container,
// the first process, or where it is mounted.
func newLabel(mounts []string, c Container, pid int, command string) Label {
	l := Label{Container: c.ID, Pod: c.Pod, PID: pid, Command: command}
	given, made := mountNames(mounts)
	switch {
	case given != "":
		l.Name, l.Kind = given, KindNamed
	case c.Pod != "":
		l.Name, l.Kind = "pod/"+c.Pod, KindPod
	case c.ID != "":
		l.Name, l.Kind = c.Runtime+"/"+c.short(), KindContainer
	case pid != 0:
		l.Name, l.Kind = fmt.Sprintf("%s[%d]", command, pid), KindProcess
	default:
		l.Name, l.Kind = made, KindMount
	}
	switch {
	case given != "":
		l.Enter = "ip netns exec " + given
	case pid != 0:
		l.Enter = fmt.Sprintf("nsenter --target %d --net", pid)
	case len(mounts) > 0:
		l.Enter = "nsenter --net=" + mounts[0]
	}
	return l
}

func (c Container) short() string {
	if containerID(c.ID) {
		return c.ID[:shortID]
	}
	return c.ID
}

// madeUp reports whether a program made up a name: cni-UUID (CNI plugins),
// netns-UUID (podman), UUID (CRI-O).
func madeUp(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "cni-"), "netns-")
	return len(name) >= shortID && strings.Trim(name, "0123456789abcdef-") == ""
}

// mountNames picks the name that a person gave, and the one that a program
// made up.
func mountNames(mounts []string) (given, made string) {
	for _, path := range mounts {
		dir, name := filepath.Dir(path), filepath.Base(path)
		switch {
		case dir == namedDir && !madeUp(name):
			if given == "" || name < given {
				given = name
			}
		case dir == namedDir, dir == dockerDir:
			made = name
		case made == "":
			made = path
		}
	}
	return given, made
}
