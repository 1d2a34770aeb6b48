// SPDX-License-Identifier: Apache-2.0

package change

import (
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/sysctl"
)

// A Machine applies plans and undoes them below one root.
type Machine struct {
	Paths     Paths
	Host      Host
	Tool      string // "tcptune 1.2.3", for the journal
	Catalogue *sysctl.Catalogue
	Live      Live          // nil where there is no live tree (--root)
	Files     atomicfile.FS // every file operation, so that each can fail in a test
	// Hold keeps signals from ending the process until release is called; nil holds
	// none.
	Hold func() (release func())
	Now  func() time.Time
	// Boottime is the time since boot in seconds, sleep included; nil asks the kernel.
	Boottime func() (float64, error)
}

// Live reads and writes live values.
type Live interface {
	Get(sysctl.Key) (sysctl.Value, error)
	// Set writes a value by one write(2) that has to take every byte. It neither
	// reads back nor restores: that is the machine's work. Errors are *sysctl.Error.
	Set(sysctl.Key, sysctl.Value) error
}
