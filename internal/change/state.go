// SPDX-License-Identifier: Apache-2.0

package change

import "github.com/tcptune/tcptune/sysctl"

// A State is the whole desired state: what the drop-in declares and, where there
// is none (runtime only), what the journal says.
type State struct {
	Profile  string    `json:"profile,omitempty"` // name of the profile block; "" for none
	Inputs   []Input   `json:"inputs,omitempty"`  // of the profile block, frozen
	Settings []Setting `json:"settings"`          // blocks in the order profile, recommended, set
}

// A Setting is one line of a block of a State.
type Setting struct {
	Key    sysctl.Key   `json:"key"`
	Value  sysctl.Value `json:"value"`
	Block  Block        `json:"block"`
	Origin string       `json:"origin"`
	Reason string       `json:"reason,omitempty"`
	Source string       `json:"source,omitempty"`
	// Bound is at_least or at_most if the value may be exceeded or fallen short of;
	// empty for exactly. Value is what the bound came to when it was asked for.
	Bound Bound `json:"bound,omitempty"`
	// Overridden reports whether a later block has the key too. Such a line stands
	// in the drop-in as a comment, so that --unset can bring it back.
	Overridden bool `json:"overridden,omitempty"`
	// Original is the live value from before tcptune first changed the key; nil
	// when it is not known. The drop-in does not carry it, the journal does.
	Original *sysctl.Value `json:"original,omitempty"`
}

// A Block is one of the three parts of the desired state.
type Block string

// The blocks, weakest first: a key of a later block wins.
const (
	BlockProfile     Block = "profile"
	BlockRecommended Block = "recommended"
	BlockSet         Block = "set"
)
