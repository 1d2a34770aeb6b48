// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// holderBudget bounds how long the descriptors of all processes are searched.
const holderBudget = 5 * time.Second

// maxOwners bounds how many holders of one socket are kept: a prefork server
// has one for each worker.
const maxOwners = 32

// maxSearchers bounds how many processes are searched at the same time.
const maxSearchers = 8

// fdBatch is how many descriptors are looked at between looks at the clock.
const fdBatch = 1024

// firstFDs is how many descriptors of each process are looked at first. A
// program opens its listeners early, so that is enough for a healthy host; a
// process with a hundred thousand connections costs no more than any other.
const firstFDs = 256

// maxDeep bounds for how many sockets behind the first descriptors of a process
// further holders are searched.
const maxDeep = 4096

// wanted are the inodes of sockets whose holders are to be named. True means
// that every descriptor is worth looking at, false that the first ones are.
type wanted map[uint32]bool

// add asks for the holders of a socket; once worth every descriptor, it stays so.
func (w wanted) add(inode uint32, everywhere bool) { w[inode] = w[inode] || everywhere }

// join asks for the sockets of another search too.
func (w wanted) join(other wanted) {
	for inode, everywhere := range other {
		w.add(inode, everywhere)
	}
}

// holders says which processes hold which sockets.
type holders struct {
	byInode map[uint32][]int
	found   map[int]int64 // pid -> open descriptors, for holders of a wanted socket
	hidden  int           // processes whose descriptors could not be read
	partial bool          // the time ran out
	within  time.Duration // that there was

	root    root
	wanted  wanted
	sizes   bool         // the size of a descriptor directory is their number
	mu      sync.Mutex   // of everything else here: processes are searched in parallel
	lacking int          // sockets worth looking at every descriptor that have no holder yet
	large   map[int]int  // processes with more descriptors than were looked at -> such sockets among the first
	deep    []descriptor // worth it, found by a search of every descriptor
}

// A descriptor is the number under which a process has a socket open.
type descriptor struct {
	inode uint32
	fd    string
}

// findHolders searches /proc/PID/fd for the wanted sockets. Every holder is
// named: descriptors are inherited and shared. Source: proc_pid_fd(5).
//
// The first descriptors of every process are looked at. Only where a socket
// that is worth it has no holder then, the rest is searched: first the
// processes that hold most sockets of that kind, until none lacks a holder.
func findHolders(ctx context.Context, r root, w wanted, within time.Duration) (*holders, error) {
	pids, err := listProcesses(r)
	if err != nil {
		return nil, err
	}
	sortNearFirst(r, pids)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	h := &holders{
		byInode: make(map[uint32][]int), found: make(map[int]int64),
		root: r, wanted: w, within: within, sizes: tellsSizes(r), large: make(map[int]int),
	}
	for _, everywhere := range w {
		if everywhere {
			h.lacking++
		}
	}
	h.each(ctx, pids, func(pid int) { h.search(ctx, pid, firstFDs) })
	h.searchLarge(ctx, pids)
	for _, owners := range h.byInode {
		slices.Sort(owners) // they came in the order of the searchers
	}
	return h, nil
}

// tellsSizes reports whether the size of a descriptor directory is the number
// of descriptors, which is so from Linux 6.2 on (proc_fd_getattr of
// fs/proc/fd.c).
func tellsSizes(r root) bool {
	if !r.live() {
		return false
	}
	info, err := os.Stat("/proc/self/fd")
	return err == nil && info.Size() > 0
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

// sortNearFirst moves the processes of the calling thread's network namespace
// to the front: should time run out, the others are the smaller loss.
func sortNearFirst(r root, pids []int) {
	if !r.live() {
		return
	}
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return
	}
	far := make(map[int]bool, len(pids))
	for _, pid := range pids {
		netns, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/net")
		far[pid] = err != nil || netns != here
	}
	slices.SortFunc(pids, func(a, b int) int {
		if far[a] != far[b] {
			if far[b] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
}

// each calls fn for the processes in their order, some at the same time, and
// notes when time ran out.
func (h *holders) each(ctx context.Context, pids []int, fn func(pid int)) {
	queue := make(chan int)
	var searchers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxSearchers) {
		searchers.Go(func() {
			for pid := range queue {
				fn(pid)
			}
		})
	}
	for _, pid := range pids {
		if ctx.Err() != nil {
			break
		}
		queue <- pid
	}
	close(queue)
	searchers.Wait()
	h.partial = h.partial || ctx.Err() != nil
}

// searchLarge looks behind the first descriptors while a socket lacks a holder.
func (h *holders) searchLarge(ctx context.Context, pids []int) {
	searched := make(map[int]bool)
	pids = slices.DeleteFunc(pids, func(pid int) bool { _, large := h.large[pid]; return !large })
	slices.SortStableFunc(pids, func(a, b int) int { return cmp.Compare(h.large[b], h.large[a]) })
	h.each(ctx, pids, func(pid int) {
		h.mu.Lock()
		needed := h.lacking > 0
		searched[pid] = needed
		h.mu.Unlock()
		if needed {
			h.search(ctx, pid, math.MaxInt)
		}
	})
	rest := slices.DeleteFunc(pids, func(pid int) bool { return searched[pid] })
	if len(h.deep) > 0 {
		h.each(ctx, rest, func(pid int) { h.searchInherited(ctx, pid) })
	}
}

// searchInherited looks for sockets that were found under the same number in
// another process: a child has its parent's descriptors.
func (h *holders) searchInherited(ctx context.Context, pid int) {
	path, err := h.directory(pid)
	if err != nil {
		return
	}
	dir, err := openDirectory(path)
	if err != nil {
		return // counted before, or ended meanwhile
	}
	defer dir.Close()
	p := &processSearch{pid: pid, alone: []int{pid}}
	for i, d := range h.deep {
		if i%fdBatch == 0 && ctx.Err() != nil {
			break
		}
		if inode, ok := readSocket(dir, d.fd); ok && inode == d.inode {
			p.batch = append(p.batch, d)
		}
	}
	h.note(p, false)
	h.leave(ctx, dir, p)
}

// directory is the path of a process's descriptors.
func (h *holders) directory(pid int) (string, error) {
	return h.root.path("proc/" + strconv.Itoa(pid) + "/fd")
}

// search looks through the first descriptors of one process. One that ended
// meanwhile holds nothing.
func (h *holders) search(ctx context.Context, pid, most int) {
	path, err := h.directory(pid)
	if err != nil {
		return
	}
	if h.sizes {
		if info, err := os.Stat(path); err == nil && info.Size() == 0 {
			return // a thread of the kernel; to open and read would cost three times as much
		}
	}
	dir, err := openDirectory(path)
	if err != nil {
		h.miss(err)
		return
	}
	defer dir.Close()
	p := &processSearch{pid: pid, alone: []int{pid}}
	for !p.ended && p.count < most && ctx.Err() == nil {
		names, err := dir.Readdirnames(min(fdBatch, most-p.count))
		if err != nil {
			h.miss(err) // or the end
			p.ended = true
		}
		p.batch = p.batch[:0]
		for _, fd := range names {
			inode, ok := readSocket(dir, fd)
			if _, asked := h.wanted[inode]; ok && asked {
				p.batch = append(p.batch, descriptor{inode, fd})
			}
		}
		h.note(p, most > firstFDs)
		p.count += len(names)
	}
	h.leave(ctx, dir, p)
}

// A processSearch is what is known of one process while it is searched.
type processSearch struct {
	pid    int
	alone  []int        // the pid, for the sockets that nobody else holds
	batch  []descriptor // sockets that are asked for, of the present batch
	count  int          // descriptors seen
	holds  bool         // a socket that is asked for
	worthy int          // of these, those that are worth looking at every descriptor
	ended  bool         // there are no more
}

// note keeps the holder of the sockets of a batch.
func (h *holders) note(p *processSearch, deep bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range p.batch {
		p.holds = true
		owners := h.byInode[d.inode]
		switch {
		case len(owners) == 0:
			h.byInode[d.inode] = p.alone[:1:1]
		case len(owners) < maxOwners && !slices.Contains(owners, p.pid):
			h.byInode[d.inode] = append(owners, p.pid)
		}
		if !h.wanted[d.inode] {
			continue
		}
		p.worthy++
		if len(owners) == 0 {
			h.lacking--
		}
		if deep && len(h.deep) < maxDeep {
			h.deep = append(h.deep, d)
		}
	}
}

// leave keeps what a search says of the whole process.
func (h *holders) leave(ctx context.Context, dir *os.File, p *processSearch) {
	var size int64
	if p.holds {
		size = h.countFDs(ctx, dir, p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !p.ended {
		h.large[p.pid] = p.worthy
	}
	if size > 0 {
		h.found[p.pid] = size
	}
}

// countFDs is the number of descriptors in the directory. Where its size does
// not say so the rest of it is read; without the time for that it is those
// that were seen.
func (h *holders) countFDs(ctx context.Context, dir *os.File, p *processSearch) int64 {
	if info, err := dir.Stat(); err == nil && h.sizes && !p.ended {
		return info.Size()
	}
	if p.ended || ctx.Err() != nil {
		return int64(p.count)
	}
	rest, _ := dir.Readdirnames(-1)
	return int64(p.count + len(rest))
}

// miss counts a process that exists but may not be looked into.
func (h *holders) miss(err error) {
	if errors.Is(err, fs.ErrPermission) {
		h.mu.Lock()
		h.hidden++
		h.mu.Unlock()
	}
}

// readSocket returns the inode of an open descriptor; false when it is closed,
// or no socket.
func readSocket(dir *os.File, fd string) (inode uint32, ok bool) {
	var link [len("socket:[4294967295]") + 1]byte
	n, err := unix.Readlinkat(int(dir.Fd()), fd, link[:])
	if err != nil {
		return 0, false
	}
	return socketInode(string(link[:n]))
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
