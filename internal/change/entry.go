// SPDX-License-Identifier: Apache-2.0

package change

import (
	"time"

	"github.com/tcptune/tcptune/sysctl"
)

// EntrySchemaVersion is the version of the JSON form of an Entry.
const EntrySchemaVersion = 1

// An Entry is one run in the journal, and enough to undo it: a file
// ID.json of the journal's directory, mode 0600.
type Entry struct {
	SchemaVersion int         `json:"schema_version"`
	ID            int         `json:"id"` // from 1; a later run has a larger one
	Kind          Kind        `json:"kind"`
	Phase         Phase       `json:"phase"`
	Started       time.Time   `json:"started"`
	Ended         *time.Time  `json:"ended,omitempty"`
	Tool          string      `json:"tool"`
	Host          Host        `json:"host"`
	Mode          Mode        `json:"mode"`
	Summary       string      `json:"summary"` // what was asked for: "--profile web --set net.core.somaxconn=8192"
	Changes       []Change    `json:"changes"` // in the order of writing
	File          *FileChange `json:"file,omitempty"`
	Prior         State       `json:"prior"`            // the desired state before the run
	State         State       `json:"state"`            // and after it
	Undoes        []int       `json:"undoes,omitempty"` // entries that a rollback undid
	Trial         *Trial      `json:"trial,omitempty"`
	Failure       string      `json:"failure,omitempty"` // why it failed
	Left          []string    `json:"left,omitempty"`    // what a failed undo left behind, one sentence each
}

// A Kind says what a run was.
type Kind string

// The kinds.
const (
	KindApply    Kind = "apply"
	KindRollback Kind = "rollback"
)

// A Phase says how far a run came.
type Phase string

// The phases.
const (
	PhasePending    Phase = "pending"     // begun; a run that finds this one was interrupted
	PhaseTrial      Phase = "trial"       // live values changed until confirm or the deadline
	PhaseApplied    Phase = "applied"     // done
	PhaseFailed     Phase = "failed"      // undone completely: the system is as it was
	PhasePartial    Phase = "partial"     // undone in part; see Left
	PhaseRolledBack Phase = "rolled-back" // undone later by a rollback, or by the end of a trial
)

// A Change is one live value that a run changed.
type Change struct {
	Key    sysctl.Key   `json:"key"`
	Before sysctl.Value `json:"before"`
	After  sysctl.Value `json:"after"` // as the kernel prints it
}

// A FileChange is the file that a run replaced.
type FileChange struct {
	Path   string  `json:"path"`   // as seen from inside the root
	Before *string `json:"before"` // bytes; nil if there was no file
	Mode   uint32  `json:"mode"`   // permission bits before
	After  *string `json:"after"`  // nil if it was removed
}

// A Trial is a change that ends by itself unless it is confirmed.
type Trial struct {
	Seconds  int       `json:"seconds"`
	Deadline time.Time `json:"deadline"` // wall clock, for people
	Boottime float64   `json:"boottime"` // CLOCK_BOOTTIME of the deadline, seconds
	Watchdog string    `json:"watchdog"` // how it is armed: "systemd-run UNIT" or "process PID"
	// Shadowed are the keys whose lines may lose, as --accept-shadowed allowed.
	Shadowed []sysctl.Key `json:"shadowed,omitempty"`
}
