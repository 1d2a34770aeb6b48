// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMounts bounds how many entries of a directory of namespaces are looked
// at.
const maxMounts = 16384

// List finds the network namespaces of the running host: those that processes
// live in, and those that are mounted in this mount namespace.
func List() (*Listing, error) {
	own, err := identify("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	l := &lister{own: own, found: make(map[ID]*Namespace)}
	l.mounts()
	if err := l.processes(); err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	host, known := l.host()
	listing := &Listing{Hidden: l.hidden}
	for id, n := range l.found {
		n.name(known && id == host)
		listing.Namespaces = append(listing.Namespaces, n)
	}
	listing.settle()
	return listing, nil
}

type lister struct {
	own    ID // of this process
	found  map[ID]*Namespace
	hidden int
}

// identify tells which namespace a file stands for.
func identify(path string) (ID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return ID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return idOf(&st), nil
}

func idOf(st *unix.Stat_t) ID {
	return ID{unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino}
}

func (l *lister) namespace(id ID) *Namespace {
	n := l.found[id]
	if n == nil {
		n = &Namespace{ID: id}
		l.found[id] = n
	}
	return n
}

// mounts finds the namespaces that are mounted. What cannot be read shows
// none: processes show most of them as well.
func (l *lister) mounts() {
	if f, err := os.Open("/proc/self/mountinfo"); err == nil {
		mounts, _ := ParseMounts(f)
		_ = f.Close()
		for _, m := range mounts {
			l.mount(m)
		}
	}
	for _, dir := range []string{namedDir, dockerDir} {
		for _, name := range entries(dir) {
			path := filepath.Join(dir, name)
			if id, err := identify(path); err == nil && id.Major == l.own.Major && id.Minor == l.own.Minor {
				l.mount(Mount{path, id})
			}
		}
	}
}

func (l *lister) mount(m Mount) {
	if n := l.namespace(m.ID); !slices.Contains(n.mounts, m.Path) {
		n.mounts = append(n.mounts, m.Path)
	}
}

func entries(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(maxMounts)
	return names
}

// processes finds the namespaces that processes live in.
func (l *lister) processes() error {
	dir, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	for _, pid := range pids {
		id, err := identify(processPath(pid))
		switch {
		case errors.Is(err, fs.ErrPermission):
			l.hidden++
		case err != nil: // it ended meanwhile, or is a zombie
		default:
			n := l.namespace(id)
			n.Processes++
			if len(n.pids) < maxPIDs {
				n.pids = append(n.pids, pid)
			}
		}
	}
	return nil
}

// host is the namespace of process 1. Where that is hidden, it is our own one
// if that is the initial one: only that has TCP's memory limit (Linux 3.13).
func (l *lister) host() (ID, bool) {
	if id, err := identify(processPath(1)); err == nil {
		return id, true
	}
	_, err := os.Stat("/proc/sys/net/ipv4/tcp_mem")
	return l.own, err == nil
}

// name gives the namespace its label.
func (n *Namespace) name(host bool) {
	var pid int
	var command string
	if len(n.pids) > 0 {
		pid = n.pids[0]
		command = commandOf(pid)
	}
	processes := n.Processes
	if host {
		n.Label = Label{Name: HostName, Kind: KindHost, PID: pid, Command: command}
	} else {
		n.Label = newLabel(n.mounts, n.container(), pid, command)
	}
	n.Processes = processes
}

// container is the first container that a process of the namespace runs in.
func (n *Namespace) container() Container {
	for _, pid := range n.pids {
		f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err != nil {
			continue
		}
		c, err := ParseCgroup(f)
		_ = f.Close()
		if err == nil && c != (Container{}) {
			return c
		}
	}
	return Container{}
}

// commandOf is the command name of a process, empty when it has ended.
func commandOf(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm") // the kernel bounds it to 15 bytes
	return strings.TrimSuffix(string(text), "\n")
}

// Find finds the namespace that a person asks for: a name as Named takes it, a
// process id, or the path of a namespace.
func (l *Listing) Find(arg string) (*Namespace, error) {
	if strings.HasPrefix(arg, "/") {
		return l.at(arg, nil, arg)
	}
	n, err := l.Named(arg)
	pid, noNumber := strconv.Atoi(arg)
	if noNumber != nil || pid <= 0 || err == nil && slices.Contains(n.names, arg) {
		return n, err
	}
	// A number may begin the id of a container as well; the process wins.
	process, noProcess := l.at(processPath(pid), []int{pid}, "")
	if errors.Is(noProcess, ErrNoProcess) && !errors.Is(err, ErrUnknown) {
		return n, err
	}
	return process, noProcess
}

// at finds the namespace that a file stands for, in the listing or not.
func (l *Listing) at(path string, pids []int, mount string) (*Namespace, error) {
	f, id, err := open(path)
	switch {
	case pids != nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)):
		return nil, ErrNoProcess
	case err != nil:
		return nil, err
	}
	_ = f.Close()
	if n := l.byID(id); n != nil {
		return n, nil
	}
	n := &Namespace{ID: id, pids: pids}
	if mount != "" {
		n.mounts = []string{mount}
	}
	n.name(false)
	n.names = n.allNames()
	return n, nil
}

// open opens a file that stands for a network namespace, and nothing else.
func open(path string) (*os.File, ID, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, ID{}, err
	}
	id, err := check(f)
	if err != nil {
		_ = f.Close()
		return nil, ID{}, err
	}
	return f, id, nil
}

func check(f *os.File) (ID, error) {
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE) // Linux 4.11
	if err != nil || kind != unix.CLONE_NEWNET {
		return ID{}, ErrNot
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return ID{}, err
	}
	return idOf(&st), nil
}
