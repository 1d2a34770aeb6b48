// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Namespace is one network namespace of the host.
type Namespace struct {
	Label
	ID ID

	mounts []string // paths that it is mounted on
	pids   []int    // processes that live in it, lowest first, maxPIDs at most
	names  []string // all that it can be asked for by, the label's name first
}

// maxPIDs is how many processes of a namespace are remembered: the others are
// counted.
const maxPIDs = 32

// A Listing holds each network namespace once: that of process 1 first, the
// others by name.
type Listing struct {
	Namespaces []*Namespace
	Hidden     int // processes whose namespace could not be seen without more privilege
}

// Errors of Find, and of Open: a namespace that ended after it was found.
var (
	ErrGone      = errors.New("the network namespace has ended")
	ErrUnknown   = errors.New("no network namespace has this name")
	ErrNoProcess = errors.New("there is no such process")
	ErrAmbiguous = errors.New("more than one network namespace has this name")
	ErrNot       = errors.New("not a network namespace")
)

// minPrefix is how much of a container's id is enough.
const minPrefix = 4

// Named finds a namespace by one of its names, or by the beginning of the id
// of a container or pod.
func (l *Listing) Named(name string) (*Namespace, error) {
	var found []*Namespace
	for _, n := range l.Namespaces {
		if n.Name == name {
			return n, nil
		}
		if slices.Contains(n.names, name) || len(name) >= minPrefix && (strings.HasPrefix(n.Container, name) || strings.HasPrefix(n.Pod, name)) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return nil, ErrUnknown
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%w: %s and %s", ErrAmbiguous, found[0].Name, found[1].Name)
}

// Names are the names of all namespaces, for suggestions.
func (l *Listing) Names() (names []string) {
	for _, n := range l.Namespaces {
		names = append(names, n.names...)
	}
	return names
}

// byID returns the namespace with an id, nil when it is not in the listing.
func (l *Listing) byID(id ID) *Namespace {
	for _, n := range l.Namespaces {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// settle gives names that are not unique an addition, and sorts.
func (l *Listing) settle() {
	count := make(map[string]int)
	for _, n := range l.Namespaces {
		count[n.Name]++
	}
	for _, n := range l.Namespaces {
		if count[n.Name] > 1 {
			n.Name = n.Name + " " + n.ID.String()
		}
		n.names = n.allNames()
	}
	slices.SortFunc(l.Namespaces, func(a, b *Namespace) int {
		return cmp.Or(-compareBool(a.Kind == KindHost, b.Kind == KindHost), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID.Inode, b.ID.Inode))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// allNames lists what the namespace can be asked for by.
func (n *Namespace) allNames() []string {
	names := []string{n.Name}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if n.Kind != KindHost { // many a container lives in it
		add(n.Container)
		add(Container{ID: n.Container}.short())
		add(n.Pod)
	}
	for _, path := range n.mounts {
		given, made := mountNames([]string{path})
		add(given)
		add(made)
	}
	add(n.ID.String())
	return names
}

// paths are where the namespace can be opened.
func (n *Namespace) paths() []string {
	paths := slices.Clone(n.mounts)
	for _, pid := range n.pids {
		paths = append(paths, processPath(pid))
	}
	return paths
}

func processPath(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/net" }
