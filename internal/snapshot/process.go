// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/procnet"
)

// holderBudget bounds how long the descriptors of all processes are searched.
const holderBudget = 5 * time.Second

// maxOwners bounds how many holders of one socket are kept: a prefork server
// has one for each worker.
const maxOwners = 32

// fdBatch is how many descriptors are looked at between looks at the clock.
const fdBatch = 1024

// firstFDs is how many descriptors of each process are looked at first. A
// program opens its listeners early, so that is enough for a healthy host; a
// process with a hundred thousand connections costs no more than any other.
const firstFDs = 256

// Process is a process that holds a socket worth naming. Nil fields could not
// be read.
type Process struct {
	Name   string  `json:"name"` // command name, as in /proc/PID/comm
	Exe    *string `json:"exe,omitempty"`
	UID    uint32  `json:"uid"` // effective
	FDs    int64   `json:"fds"`
	FDSoft *int64  `json:"fd_soft,omitempty"`
	FDHard *int64  `json:"fd_hard,omitempty"`
}

// wanted are the inodes of sockets whose holders are to be named. True means
// that every descriptor is worth looking at, false that the first ones are. A
// nil map stands for all sockets.
type wanted map[uint32]bool

// holders says which processes hold which sockets.
type holders struct {
	byInode map[uint32][]int
	found   map[int]int64 // pid -> open descriptors, for holders of a wanted socket
	large   map[int]bool  // processes with more descriptors than were looked at
	hidden  int           // processes whose descriptors could not be read
	partial bool          // the time budget ran out
	sizes   bool          // the size of a descriptor directory is their number: a live /proc
}

// findHolders searches /proc/PID/fd for the wanted sockets. Every holder is
// named: descriptors are inherited and shared. Source: proc_pid_fd(5).
func findHolders(ctx context.Context, r root, w wanted) (*holders, error) {
	pids, err := listProcesses(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, holderBudget)
	defer cancel()
	h := &holders{byInode: make(map[uint32][]int), found: make(map[int]int64), large: make(map[int]bool), sizes: r.live()}
	most := firstFDs
	if w == nil {
		most = math.MaxInt
	}
	h.searchAll(ctx, r, pids, w, most)
	if h.lacks(w) {
		h.searchAll(ctx, r, slices.Sorted(maps.Keys(h.large)), w, math.MaxInt)
	}
	return h, nil
}

// listProcesses lists the process ids below /proc.
func listProcesses(r root) ([]int, error) {
	proc, err := r.path("proc")
	if err != nil {
		return nil, err
	}
	dir, err := openDirectory(proc)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// lacks reports whether a socket that is worth looking at every descriptor has
// no holder yet, while there are descriptors left to look at.
func (h *holders) lacks(w wanted) bool {
	if len(h.large) == 0 {
		return false
	}
	for inode, everywhere := range w {
		if everywhere && len(h.byInode[inode]) == 0 {
			return true
		}
	}
	return false
}

// searchAll looks through the first descriptors of processes.
func (h *holders) searchAll(ctx context.Context, r root, pids []int, w wanted, most int) {
	for _, pid := range pids {
		if dir, err := r.path("proc/" + strconv.Itoa(pid) + "/fd"); err == nil {
			h.search(ctx, pid, dir, w, most)
		}
		if ctx.Err() != nil {
			h.partial = true
			return
		}
	}
}

// search looks through the first descriptors of one process.
func (h *holders) search(ctx context.Context, pid int, dir string, w wanted, most int) {
	f, err := openDirectory(dir)
	if err != nil {
		h.miss(err)
		return
	}
	defer f.Close()
	count, holds, ended := 0, false, false
	for !ended && count < most && ctx.Err() == nil {
		fds, err := f.Readdirnames(min(fdBatch, most-count))
		if err != nil {
			h.miss(err) // or the end
			ended = true
		}
		count += len(fds)
		for _, fd := range fds {
			link, err := os.Readlink(dir + "/" + fd)
			if err != nil {
				continue // closed meanwhile
			}
			if inode, ok := socketInode(link); ok && h.note(pid, inode, w) {
				holds = true
			}
		}
	}
	if !ended {
		h.large[pid] = true
	}
	if holds && ctx.Err() == nil {
		h.found[pid] = h.countFDs(f, count, ended)
	}
}

// note keeps the holder of a socket; false when nobody asked for the socket.
func (h *holders) note(pid int, inode uint32, w wanted) bool {
	if _, asked := w[inode]; !asked && w != nil {
		return false
	}
	if owners := h.byInode[inode]; len(owners) < maxOwners && !slices.Contains(owners, pid) {
		h.byInode[inode] = append(owners, pid)
	}
	return true
}

// countFDs is the number of descriptors in the directory. From Linux 6.2 on
// its size says so (proc_fd_getattr of fs/proc/fd.c); before, the rest of it is
// read.
func (h *holders) countFDs(f *os.File, read int, ended bool) int64 {
	if ended {
		return int64(read)
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 && h.sizes {
		return info.Size()
	}
	rest, _ := f.Readdirnames(-1)
	return int64(read + len(rest))
}

// miss counts a process that exists but may not be looked into.
func (h *holders) miss(err error) {
	if errors.Is(err, fs.ErrPermission) {
		h.hidden++
	}
}

// socketInode reads "socket:[12345]".
func socketInode(link string) (uint32, bool) {
	number, ok := strings.CutPrefix(link, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
	return uint32(n), err == nil
}

// describe reads what reports say of one process; false when it is gone.
func (h *holders) describe(r root, pid int) (Process, bool) {
	dir := "proc/" + strconv.Itoa(pid)
	s, err := parse(r, dir+"/status", procnet.ParseStatus)
	if err != nil || len(s.UIDs) < 2 {
		return Process{}, false
	}
	p := Process{Name: s.Name, UID: s.UIDs[1], FDs: h.found[pid]}
	if path, err := r.path(dir); err == nil {
		if exe, err := os.Readlink(path + "/exe"); err == nil {
			p.Exe = &exe
		}
	}
	if limits, err := parse(r, dir+"/limits", procnet.ParseLimits); err == nil {
		if l, ok := limits["Max open files"]; ok {
			p.FDSoft, p.FDHard = &l.Soft, &l.Hard
		}
	}
	return p, true
}
