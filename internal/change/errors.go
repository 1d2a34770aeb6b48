// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"strings"
)

// The causes that callers tell apart, with errors.Is. Any other error means that
// the run failed and the system is as it was. A permission that is missing is
// fs.ErrPermission or EROFS in the chain of any of them.
var (
	// ErrBusy: another run holds the lock, or a trial is pending.
	ErrBusy = errors.New("another change is under way")
	// ErrRefused: nothing was done, for a reason that the error names; ErrStale may be
	// one.
	ErrRefused = errors.New("refused")
	// ErrPartial: the system is partly changed. The error is a *PartialError.
	ErrPartial = errors.New("the system is partly changed")
	// ErrDamaged: an entry of the journal cannot be read.
	ErrDamaged = errors.New("the journal is damaged")
)

// A PartialError says what a run that failed could not undo.
type PartialError struct {
	Entry int      // id in the journal
	Err   error    // why it failed
	Left  []string // what is left, one sentence for each key or file
}

// Error lists what is left.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%v; %v: %s", e.Err, ErrPartial, strings.Join(e.Left, "; "))
}

// Unwrap returns why the run failed.
func (e *PartialError) Unwrap() error { return e.Err }

// Is reports whether target is ErrPartial.
func (e *PartialError) Is(target error) bool { return target == ErrPartial }

// refuse is an ErrRefused with its reason, which may hold %w.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}
