// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/gofrs/flock"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// hostPath returns the path on the host of name, which is as seen from inside the
// root. Links in its directory resolve inside the root; the last component is not
// resolved, so that a link there is seen.
func (m *Machine) hostPath(name string) (string, error) {
	dir, err := securejoin.SecureJoin(m.Paths.Root, path.Dir(name))
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	return filepath.Join(dir, path.Base(name)), nil
}

// lock takes the lock, or fails with ErrBusy. The lock goes with the process.
func (m *Machine) lock() (release func(), err error) {
	name, err := m.hostPath(m.Paths.Lock)
	if err != nil {
		return nil, err
	}
	if err := makeStateDir(atomicfile.OS{}, filepath.Dir(name)); err != nil {
		return nil, fmt.Errorf("take the lock: %w", err)
	}
	// In a tree a link could lead out of the root, and a pipe would wait for ever.
	const flags = os.O_CREATE | os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	lock := flock.New(name, flock.SetPermissions(0o600), flock.SetFlag(flags))
	ok, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("take the lock: %w", err)
	case !ok:
		return nil, fmt.Errorf("take the lock %s: %w", m.Paths.Lock, ErrBusy)
	}
	// Closing the descriptor, which Unlock does too, cannot leave the lock held.
	return func() { _ = lock.Unlock() }, nil
}

// makeStateDir makes a directory of mode 0700 if it is not there, and refuses one
// into which others than root could put something for root to believe.
func makeStateDir(fsys atomicfile.FS, dir string) error {
	return refuseUntrusted(atomicfile.MakeStateDir(fsys, dir, trusted(os.Geteuid())))
}

// checkStateDir refuses a state directory that root must not trust.
func checkStateDir(fsys atomicfile.FS, dir string) error {
	return refuseUntrusted(atomicfile.CheckStateDir(fsys, dir, trusted(os.Geteuid())))
}

// trusted is whose state euid believes: root only its own.
func trusted(euid int) int {
	if euid == 0 {
		return 0
	}
	return atomicfile.Anyone
}

func refuseUntrusted(err error) error {
	if errors.Is(err, atomicfile.ErrUntrusted) {
		return refuse("%w", err)
	}
	return err
}
