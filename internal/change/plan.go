// SPDX-License-Identifier: Apache-2.0

package change

import (
	"time"

	"github.com/tcptune/tcptune/sysctl"
)

// PlanSchemaVersion is the version of the JSON form of a Plan.
const PlanSchemaVersion = 1

// A Plan is what a run would do. It is a value: it can be shown, saved, and
// applied later unless it is stale by then.
type Plan struct {
	SchemaVersion int        `json:"schema_version"`
	Tool          string     `json:"tool"`
	Created       time.Time  `json:"created"`
	Host          Host       `json:"host"`
	Mode          Mode       `json:"mode"`
	File          string     `json:"file,omitempty"` // the drop-in, as seen from inside the root; "" for runtime only
	Before        *string    `json:"before"`         // its present content; nil if there is no file
	After         *string    `json:"after"`          // its new content; nil if there is to be no file
	Prior         State      `json:"prior"`          // the desired state before
	State         State      `json:"state"`          // the desired state after
	Steps         []Step     `json:"steps"`
	Conflicts     []Conflict `json:"conflicts"`
	Owners        []Owner    `json:"owners"` // other software that writes sysctls on this host
	Notes         []string   `json:"notes"`
}

// A Mode says what a run changes.
type Mode string

// The modes.
const (
	ModeBoth    Mode = "both"    // live values and the drop-in
	ModeRuntime Mode = "runtime" // live values only
	ModePersist Mode = "persist" // the drop-in only
)

// A Step is what is intended for one key. A key has one step.
type Step struct {
	Key    sysctl.Key    `json:"key"`
	Action Action        `json:"action"`
	Live   *sysctl.Value `json:"live"` // nil if there is none or it was not read
	New    *sysctl.Value `json:"new"`  // the live value to be; nil for a restore whose original value is not known
	Block  Block         `json:"block,omitempty"`
	Origin string        `json:"origin,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Source string        `json:"source,omitempty"`
	Risk   string        `json:"risk,omitempty"`
	Effect string        `json:"effect,omitempty"`
	Guard  string        `json:"guard,omitempty"`
	Status Status        `json:"status"`
	Detail string        `json:"detail,omitempty"` // for people: why the status is what it is, and what to do about it
	// Shadowed reports whether a line elsewhere wins over the drop-in's, which
	// --accept-shadowed allowed.
	Shadowed bool `json:"shadowed,omitempty"`
}

// An Action is what a step does to its key.
type Action string

// The actions.
const (
	ActionSet     Action = "set"
	ActionRestore Action = "restore" // the key leaves the desired state: its original value comes back
)

// A Status is how it stands with one key. In a plan Changed means that it would
// change.
type Status string

// The statuses.
const (
	Unchanged   Status = "unchanged"   // live value and line are as wanted
	Changed     Status = "changed"     // live value, line or both
	Pending     Status = "pending"     // its kernel module is not loaded: the line is written, the value comes with the module
	Unsupported Status = "unsupported" // this kernel or network namespace has no such key
	ReadOnly    Status = "read-only"   // it is there and cannot be written from here
	Conflicting Status = "conflict"    // something refuses it; see the plan's conflicts
	Failed      Status = "failed"      // writing it went wrong
)

// A Conflict is a reason to refuse a plan as a whole.
type Conflict struct {
	Key      *sysctl.Key `json:"key,omitempty"` // nil if it is about no single key
	Kind     string      `json:"kind"`          // shadowed, invalid, unsupported, edited, file, namespace
	Text     string      `json:"text"`          // one sentence
	File     string      `json:"file,omitempty"`
	Line     int         `json:"line,omitempty"`
	Edit     string      `json:"edit,omitempty"` // the exact edit that removes the conflict, for a person to make
	Accepted bool        `json:"accepted,omitempty"`
}

// An Owner is other software that writes sysctls, found on this host.
type Owner struct {
	Name string       `json:"name"` // tuned, bpftune, kube-proxy, ufw, Puppet, ...
	Text string       `json:"text"` // what it does to our keys, one or two sentences
	File string       `json:"file,omitempty"`
	Keys []sysctl.Key `json:"keys,omitempty"` // those of this plan that it is known to write
}

// Changed reports whether applying the plan would change anything.
func (p *Plan) Changed() bool {
	if !equalText(p.Before, p.After) {
		return true
	}
	for _, s := range p.Steps {
		if s.Status == Changed {
			return true
		}
	}
	return false
}

// Refused returns the conflicts that keep the plan from being applied.
func (p *Plan) Refused() []Conflict {
	var refused []Conflict
	for _, c := range p.Conflicts {
		if !c.Accepted {
			refused = append(refused, c)
		}
	}
	return refused
}

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
