// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Handle is an open network namespace. While it is open the namespace stays,
// also when its last process ends.
type Handle struct {
	file *os.File
	name string
	here bool // it is the one that this process lives in
}

// Open opens the namespace through one of its mounts or processes. It fails
// with [ErrGone] when none of them is left.
func (n *Namespace) Open() (*Handle, error) {
	own, err := identify("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", n.Name, err)
	}
	reason := ErrGone
	for _, path := range n.paths() {
		f, id, err := open(path)
		switch {
		case err == nil && id == n.ID:
			return &Handle{file: f, name: n.Name, here: id == own}, nil
		case err == nil: // the path stands for another one by now
			_ = f.Close()
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
			reason = err
		}
	}
	var path *fs.PathError
	if errors.As(reason, &path) {
		reason = path.Err
	}
	return nil, fmt.Errorf("open network namespace %s: %w", n.Name, reason)
}

// Close lets go of the namespace.
func (h *Handle) Close() error { return h.file.Close() }

// Do calls fn on a thread that stands in the namespace, and brings the thread
// back, also when fn panics. /proc/thread-self/net, /proc/sys/net and new
// sockets are those of the namespace then; a goroutine that fn starts runs
// elsewhere, and /proc/net is always that of the first thread.
//
// Where there is no way back the thread stays locked: it ends with its
// goroutine, and no other goroutine ever runs in a foreign namespace. Entering
// one that is not our own needs CAP_SYS_ADMIN.
func (h *Handle) Do(fn func() error) (err error) {
	if h.here {
		return fn()
	}
	runtime.LockOSThread()
	origin, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace %s: %w", h.name, err)
	}
	defer origin.Close()
	if err := unix.Setns(int(h.file.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace %s: %w", h.name, err)
	}
	defer func() {
		if back := unix.Setns(int(origin.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("leave network namespace %s: %w", h.name, back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return fn()
}
