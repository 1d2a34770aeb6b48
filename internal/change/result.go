// SPDX-License-Identifier: Apache-2.0

package change

import "github.com/tcptune/tcptune/sysctl"

// A Result is what a run did.
type Result struct {
	Entry     int         `json:"entry,omitempty"` // id in the journal; 0 if nothing was written
	Changed   bool        `json:"changed"`
	Persisted bool        `json:"persisted"`      // whether the drop-in holds the desired state now
	Kept      bool        `json:"kept,omitempty"` // whether a trial was confirmed
	Trial     *Trial      `json:"trial,omitempty"`
	Before    *string     `json:"before"` // the drop-in's content; nil for no file
	After     *string     `json:"after"`
	File      string      `json:"file,omitempty"`
	Keys      []KeyResult `json:"keys"`
	Reload    *Reload     `json:"reload,omitempty"`
	Notes     []string    `json:"notes,omitempty"`
}

// A KeyResult is what was done to one key.
type KeyResult struct {
	Key      sysctl.Key    `json:"key"`
	Before   *sysctl.Value `json:"before"` // live; nil if there was none
	Wanted   *sysctl.Value `json:"wanted"`
	After    *sysctl.Value `json:"after"` // live, read back
	Status   Status        `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Shadowed bool          `json:"shadowed,omitempty"`
}

// A Reload is one run of the host's own loader.
type Reload struct {
	Command    []string    `json:"command"`
	ExitStatus int         `json:"exit_status"` // for information: loaders' statuses do not tell the truth
	Output     string      `json:"output,omitempty"`
	Collateral []KeyResult `json:"collateral,omitempty"` // with --reload system: other keys that it changed
}
