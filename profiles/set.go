// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

// A Set is profiles that can be told apart by name, and inherit one another.
type Set struct {
	profiles map[string]*Profile
}

// Names lists the profiles, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.profiles)) }

// Lookup returns the profile of a name as its file says, without what it
// inherits. The error names what was probably meant.
func (s *Set) Lookup(name string) (*Profile, error) {
	if p, ok := s.profiles[name]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("no profile is named %q%s", name, yamlfile.DidYouMean(name, s.Names()))
}

// Resolve returns the profile of a name with all that it inherits.
func (s *Set) Resolve(name string) (*Profile, error) {
	p, err := s.Lookup(name)
	if err != nil {
		return nil, err
	}
	return p.flatten(), nil
}
