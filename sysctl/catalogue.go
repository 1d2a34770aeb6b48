// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/nearest"
)

//go:generate go run ./internal/gen

// A Catalogue is the knowledge in catalogue.yaml: the parameters that decide how TCP
// behaves on Linux. It is read-only; share one.
type Catalogue struct {
	parameters []*Parameter
	byKey      map[Key]*Parameter
	patterns   []*Parameter
}

// LoadCatalogue builds the catalogue from the program's own tables. It takes well
// under a millisecond; nothing is loaded before it is called.
func LoadCatalogue() *Catalogue {
	entries := table()
	c := &Catalogue{
		parameters: make([]*Parameter, len(entries)),
		byKey:      make(map[Key]*Parameter, len(entries)),
	}
	for i := range entries {
		p := &entries[i]
		c.parameters[i] = p
		c.byKey[p.Key] = p
		if p.Key.Glob() {
			c.patterns = append(c.patterns, p)
		}
	}
	return c
}

// Parameters returns all parameters sorted by key. The caller must not change them.
func (c *Catalogue) Parameters() []*Parameter { return slices.Clone(c.parameters) }

// Lookup returns the parameter of key. Interface names stand for the * of a pattern:
// net.ipv4.conf.eth0.rp_filter is net.ipv4.conf.*.rp_filter.
func (c *Catalogue) Lookup(key Key) (*Parameter, bool) {
	if p, ok := c.byKey[key]; ok {
		return p, true
	}
	for _, p := range c.patterns {
		if p.Key.Match(key) {
			return p, true
		}
	}
	return nil, false
}

// Resolve returns the keys that people may mean by name: a whole key in any spelling,
// with /proc/sys/ in front too, or only its last component. A key of an interface
// stays as it is. The result is sorted and empty if the catalogue knows none.
func (c *Catalogue) Resolve(name string) []Key {
	key, err := ParseKey(strings.TrimPrefix(name, "/proc/sys/"))
	if err != nil {
		return nil
	}
	if _, ok := c.Lookup(key); ok {
		return []Key{key}
	}
	var keys []Key
	for _, p := range c.parameters {
		if p.Key.Short() == key.Path() {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// Suggest returns up to three keys, best first, that name may be a misspelling of: a
// key, or only its last component. It is for "did you mean" in messages.
func (c *Catalogue) Suggest(name string) []string {
	name = strings.ToLower(strings.TrimPrefix(name, "/proc/sys/"))
	if len(name) > MaxKeyLength {
		return nil
	}
	candidates := make([]nearest.Name, len(c.parameters))
	for i, p := range c.parameters {
		candidates[i] = nearest.Name{Full: p.Key.String(), Last: p.Key.Short()}
	}
	return nearest.Names(name, candidates)
}
