// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"io/fs"
	"os"
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

// holders says which processes hold which sockets.
type holders struct {
	byInode map[uint32][]int
	found   map[int]int64 // pid -> open descriptors, for holders of a wanted socket
	hidden  int           // processes whose descriptors could not be read
	partial bool          // the time budget ran out
}

// findHolders searches /proc/PID/fd for the wanted socket inodes, all sockets
// when wanted is nil. Every holder is named: descriptors are inherited and
// shared. Source: proc_pid_fd(5).
func findHolders(ctx context.Context, r root, wanted map[uint32]bool) (*holders, error) {
	proc, err := r.path("proc")
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(proc)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, holderBudget)
	defer cancel()
	h := &holders{byInode: make(map[uint32][]int), found: make(map[int]int64)}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			continue
		}
		if dir, err := r.path("proc/" + name + "/fd"); err == nil {
			h.search(ctx, pid, dir, wanted)
		}
		if ctx.Err() != nil {
			h.partial = true
			break
		}
	}
	return h, nil
}

// search looks through the descriptors of one process.
func (h *holders) search(ctx context.Context, pid int, dir string, wanted map[uint32]bool) {
	f, err := os.Open(dir)
	if err != nil {
		h.miss(err)
		return
	}
	defer f.Close()
	var count int64
	holds := false
	for ctx.Err() == nil {
		fds, err := f.Readdirnames(fdBatch)
		if err != nil {
			h.miss(err) // or the end
			break
		}
		count += int64(len(fds))
		for _, fd := range fds {
			link, err := os.Readlink(dir + "/" + fd)
			if err != nil {
				continue // closed meanwhile
			}
			inode, ok := socketInode(link)
			if !ok || (wanted != nil && !wanted[inode]) {
				continue
			}
			holds = true
			if owners := h.byInode[inode]; len(owners) < maxOwners && (len(owners) == 0 || owners[len(owners)-1] != pid) {
				h.byInode[inode] = append(owners, pid)
			}
		}
	}
	if holds && ctx.Err() == nil {
		h.found[pid] = count
	}
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
