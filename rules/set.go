// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

// A Set is rules that are evaluated together, sorted by id.
type Set struct {
	Rules   []*Rule
	Version string // of the built-in rules; "" for others
	// SHA256, in hexadecimal, is of the YAML files, sorted by name, each as its
	// name, a NUL, its bytes and a NUL; of two sets that were joined it is of
	// both digests, a line each. "" where the rules are not of files.
	SHA256 string
}

// NewSet sorts rules by id and refuses two of one id, all of them at once: the
// error is Problems, at the files of those that come later.
func NewSet(list []*Rule) (*Set, error) {
	s := &Set{Rules: slices.Clone(list)}
	slices.SortStableFunc(s.Rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	var problems Problems
	for i := 1; i < len(s.Rules); i++ {
		if first, second := s.Rules[i-1], s.Rules[i]; first.ID == second.ID {
			problems = append(problems, Problem{File: second.File, Text: taken(second.ID, first.File)})
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// taken says that a rule of a file, or a built-in one, has an id already.
func taken(id, file string) string {
	holder := "a built-in rule"
	if file != "" {
		holder = file
	}
	return fmt.Sprintf("id %q is that of %s; a rule cannot replace another one", id, holder)
}

// Join returns the rules of both sets, under the version of s and a digest of
// both; other rules tell themselves by another digest.
func (s *Set) Join(other *Set) (*Set, error) {
	joined, err := NewSet(slices.Concat(s.Rules, other.Rules))
	if err != nil {
		return nil, err
	}
	joined.Version, joined.SHA256 = s.Version, s.SHA256
	if len(other.Rules) > 0 {
		both := sha256.Sum256([]byte(s.SHA256 + "\n" + other.SHA256 + "\n"))
		joined.SHA256 = hex.EncodeToString(both[:])
	}
	return joined, nil
}

// Lookup returns the rule of an id.
func (s *Set) Lookup(id string) (*Rule, bool) {
	i, ok := slices.BinarySearchFunc(s.Rules, id, func(r *Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return nil, false
	}
	return s.Rules[i], true
}

// Select returns the rules that only names, by id or category (all for none),
// less those that skip names. A name that is neither is an error. A rule that
// is not selected is not evaluated, so it silences no other one.
func (s *Set) Select(only, skip []string) (*Set, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(s.Rules, func(r *Rule) bool { return r.ID == name }) && !slices.Contains(categoryNames(), name) {
			return nil, fmt.Errorf("no rule and no category is named %q%s", name, yamlfile.DidYouMean(name, slices.Concat(s.IDs(), categoryNames())))
		}
	}
	named := func(r *Rule, names []string) bool {
		return slices.Contains(names, r.ID) || slices.Contains(names, r.Category)
	}
	selected := &Set{Version: s.Version, SHA256: s.SHA256}
	for _, r := range s.Rules {
		if (len(only) == 0 || named(r, only)) && !named(r, skip) {
			selected.Rules = append(selected.Rules, r)
		}
	}
	return selected, nil
}

// IDs lists the ids of the set's rules, sorted.
func (s *Set) IDs() []string {
	ids := make([]string, len(s.Rules))
	for i, r := range s.Rules {
		ids[i] = r.ID
	}
	return ids
}
