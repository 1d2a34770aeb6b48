// SPDX-License-Identifier: Apache-2.0

package rules

import (
	_ "embed"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed references.yaml
var referencesYAML string

// A Reference is a document that rules rest on.
type Reference struct {
	Title string   `yaml:"title"`
	URL   string   `yaml:"url"`
	More  []string `yaml:"more"` // further addresses
}

// References returns the documents that rules may name, by id. The list is
// read on each call: a caller that needs it often keeps it.
func References() (map[string]Reference, error) {
	var refs map[string]Reference
	if err := yaml.Unmarshal([]byte(referencesYAML), &refs); err != nil {
		return nil, fmt.Errorf("read references.yaml: %w", err)
	}
	return refs, nil
}

// isURL reports whether a reference of a rule is an address, not an id.
func isURL(ref string) bool { return strings.HasPrefix(ref, "https://") }
