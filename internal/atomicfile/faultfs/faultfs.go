// SPDX-License-Identifier: Apache-2.0

package faultfs

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// FS is a tree in memory. Names are absolute. It is safe for concurrent use.
type FS struct {
	mu    sync.Mutex
	root  *node
	clock time.Time // of new files
	temps int       // temporary files made so far

	faults map[int]Fault // by number of the operation
	ops    []string      // operations so far
	fired  int           // faults that came to pass
	dead   bool          // after a Crash
}

var _ atomicfile.FS = (*FS)(nil)

// A Fault is what happens at one operation instead of it.
type Fault struct {
	Err error // the cause of the error it returns, usually an errno
	// Short makes a write take the first half of its data before it fails; of other
	// operations it changes nothing. Without Err it is ENOSPC.
	Short bool
	// After lets the operation happen before the fault does: a close(2) that fails, a
	// crash behind a rename.
	After bool
	// Crash panics with a Crash, like kill -9: no later operation does anything but
	// panic again, so nothing that is deferred can clean up.
	Crash bool
	// Call is called and the operation then happens as ever, or, with After, before the
	// call: a signal comes, a mistake panics. It must not use the file system.
	Call func()
}

// A Crash is the value of the panic of a Fault with Crash.
type Crash struct{ Op string }

// Error says where.
func (c Crash) Error() string { return "crash at " + c.Op }

// Catch calls f and reports whether it ended by a Crash. Other panics go on.
func Catch(f func()) (crashed bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case Crash:
			crashed = true
		default:
			panic(r)
		}
	}()
	f()
	return false
}

// A node is a file, a directory or something else. What fsync made durable stands
// beside what programs see.
type node struct {
	mode    fs.FileMode
	modTime time.Time

	data    []byte
	durable []byte // of data

	entries        map[string]*node // of a directory
	durableEntries map[string]*node
}

// New returns an empty tree. Its clock stands still until SetTime.
func New() *FS {
	return &FS{
		root:   newDir(0o755, time.Time{}),
		clock:  time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		faults: map[int]Fault{},
	}
}

func newDir(mode fs.FileMode, at time.Time) *node {
	return &node{mode: fs.ModeDir | mode, modTime: at, entries: map[string]*node{}, durableEntries: map[string]*node{}}
}

// SetTime sets the modification time of what is made from now on.
func (f *FS) SetTime(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = t
}

// Inject makes the n-th operation from now on meet the fault; 1 is the next.
func (f *FS) Inject(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[len(f.ops)+n] = fault
}

// Fired reports whether every injected fault came to pass.
func (f *FS) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired > 0 && len(f.faults) == 0
}

// Ops returns the operations so far, "rename /a /b".
func (f *FS) Ops() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Put makes a durable file, and its directories where they are missing, without counting
// as an operation.
func (f *FS) Put(name, data string, mode fs.FileMode) {
	f.put(name, &node{mode: mode, data: []byte(data), durable: []byte(data)})
}

// MkdirAll makes a durable directory like Put.
func (f *FS) MkdirAll(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirs(name)
}

// Special makes something that is no regular file, such as fs.ModeSymlink, like Put.
// A link leads nowhere.
func (f *FS) Special(name string, mode fs.FileMode) { f.put(name, &node{mode: mode}) }

func (f *FS) put(name string, n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n.modTime = f.clock
	dir := f.dirs(path.Dir(name))
	dir.entries[path.Base(name)] = n
	dir.durableEntries[path.Base(name)] = n
}

// dirs returns the directory name, which it makes if it is missing.
func (f *FS) dirs(name string) *node {
	dir := f.root
	for _, part := range parts(name) {
		next, ok := dir.entries[part]
		if !ok {
			next = newDir(0o755, f.clock)
			dir.entries[part] = next
			dir.durableEntries[part] = next
		}
		dir = next
	}
	return dir
}

// Files returns the content of every regular file by name.
func (f *FS) Files() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string]string{}
	collect(files, "", f.root)
	return files
}

func collect(files map[string]string, name string, n *node) {
	if n.mode.IsRegular() {
		files[name] = string(n.data)
	}
	for base, child := range n.entries {
		collect(files, name+"/"+base, child)
	}
}

// Restart returns the tree as the next process finds it: all that was done, no faults.
func (f *FS) Restart() *FS {
	return f.reborn(func(n *node) (map[string]*node, []byte) { return n.entries, n.data })
}

// PowerLoss returns the tree as fsync left it: a file has the bytes it had at its last
// Sync, none if there was no Sync; a directory has the names it had at its last SyncDir.
func (f *FS) PowerLoss() *FS {
	return f.reborn(func(n *node) (map[string]*node, []byte) { return n.durableEntries, n.durable })
}

// PowerLossFlushed returns the other extreme of what disks do: names as they were last,
// bytes as in PowerLoss. A file that was renamed before its Sync is empty here.
func (f *FS) PowerLossFlushed() *FS {
	return f.reborn(func(n *node) (map[string]*node, []byte) { return n.entries, n.durable })
}

func (f *FS) reborn(left func(*node) (map[string]*node, []byte)) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := New()
	next.clock, next.temps = f.clock, f.temps
	next.root = rebirth(f.root, left)
	return next
}

func rebirth(n *node, left func(*node) (map[string]*node, []byte)) *node {
	entries, data := left(n)
	next := &node{mode: n.mode, modTime: n.modTime, data: slices.Clone(data), durable: slices.Clone(data)}
	if n.mode.IsDir() {
		next.entries = map[string]*node{}
		for name, child := range entries {
			next.entries[name] = rebirth(child, left)
		}
		next.durableEntries = maps.Clone(next.entries)
	}
	return next
}

// do performs one operation: it counts it, lets its fault happen, or calls act. The
// lock is held.
func (f *FS) do(op, name string, act func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := op + " " + name
	if f.dead {
		panic(Crash{text})
	}
	f.ops = append(f.ops, text)
	fault, faulty := f.faults[len(f.ops)]
	if !faulty {
		return pathError(op, name, act())
	}
	delete(f.faults, len(f.ops))
	f.fired++
	if fault.Call != nil {
		return pathError(op, name, fault.around(act))
	}
	if fault.After {
		_ = act() // the fault is what is reported
	}
	if fault.Crash {
		f.dead = true
		panic(Crash{text})
	}
	if fault.Err == nil {
		fault.Err = syscall.EIO
	}
	return pathError(op, name, fault.Err)
}

// around does what Call says.
func (f Fault) around(act func() error) error {
	if !f.After {
		f.Call()
		return act()
	}
	err := act()
	f.Call()
	return err
}

// half does the first half of a write if the next operation is a short one, and returns
// how many bytes that were.
func (f *FS) half(n *node, data []byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	number := len(f.ops) + 1
	fault, ok := f.faults[number]
	if !ok || !fault.Short || f.dead {
		return 0
	}
	if fault.Err == nil {
		fault.Err = syscall.ENOSPC
		f.faults[number] = fault
	}
	n.data = append(n.data, data[:len(data)/2]...)
	return len(data) / 2
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func parts(name string) []string {
	return strings.FieldsFunc(path.Clean(name), func(c rune) bool { return c == '/' })
}

// find returns the node of a name.
func (f *FS) find(name string) (*node, error) {
	n := f.root
	for _, part := range parts(name) {
		if n.mode&fs.ModeSymlink != 0 {
			return nil, syscall.ENOENT
		}
		if !n.mode.IsDir() {
			return nil, syscall.ENOTDIR
		}
		next, ok := n.entries[part]
		if !ok {
			return nil, syscall.ENOENT
		}
		n = next
	}
	return n, nil
}

// dir returns a directory.
func (f *FS) dir(name string) (*node, error) {
	n, err := f.find(name)
	if err == nil && !n.mode.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// info is the fs.FileInfo of a node.
type info struct {
	name    string
	size    int64
	mode    fs.FileMode
	modTime time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.modTime }
func (i info) IsDir() bool        { return i.mode.IsDir() }

// Sys says that everything belongs to who runs the test.
func (i info) Sys() any { return &syscall.Stat_t{Uid: uint32(os.Geteuid())} }

// tempName puts a number for the last star of a pattern.
func tempName(pattern string, number int) string {
	before, after := pattern, ""
	if i := strings.LastIndexByte(pattern, '*'); i >= 0 {
		before, after = pattern[:i], pattern[i+1:]
	}
	return fmt.Sprintf("%s%d%s", before, number, after)
}
