// SPDX-License-Identifier: Apache-2.0

package change

import "github.com/tcptune/tcptune/sysctl"

// An Intent is what one run asks for. It says nothing about the host.
type Intent struct {
	Profile     *Profile     // replaces the profile block; nil keeps the present one
	Recommended []Wanted     // added to the recommended block
	Set         []Wanted     // added to the set block, or replaced there
	Unset       []sysctl.Key // taken out of every block, after the rest
	Absent      bool         // everything is taken out, and the drop-in is removed
}

// A Profile is a profile that has been worked out for this host.
type Profile struct {
	Name     string
	Inputs   []Input // what its formulas read; frozen in the drop-in and the journal
	Settings []Wanted
}

// An Input is one number or text that a formula read.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Wanted is one setting that is asked for.
type Wanted struct {
	Key    sysctl.Key
	Value  sysctl.Value
	Bound  Bound
	Origin string // who asks: "profile web", "rule somaxconn-low", "--set"
	Reason string // one line
	Source string // where the reason can be read up: an address, a man page; may be empty
	Risk   string // none, low, medium, high
	Effect string // when it takes hold
	Guard  string // for people: when not to do this; may be empty
}

// A Bound says how a wanted value relates to the one that was there before
// tcptune. Vectors are compared field by field.
type Bound string

// The bounds.
const (
	Exactly Bound = "exactly"
	AtLeast Bound = "at_least" // a larger value stays
	AtMost  Bound = "at_most"  // a smaller value stays
)
