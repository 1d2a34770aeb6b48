// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// LoadDir reads and compiles every *.yaml file of a directory, not of those
// below it; *_test.yaml are tests and left out. On mistakes the error is
// Problems, with those of all files. When the caller is root, the directory and
// its files must be root's: see UntrustedError.
func LoadDir(env *expr.Environment, dir string) (*Set, error) {
	return loadDir(env, dir, os.Geteuid())
}

// anyone is the euid of a caller who does not use the rules on this host.
const anyone = yamlfile.Anyone

func loadDir(env *expr.Environment, dir string, euid int) (*Set, error) {
	names, err := ruleFiles(dir, euid)
	if err != nil {
		return nil, err
	}
	refs, err := References()
	if err != nil {
		return nil, err
	}
	p := &parser{env: env, references: refs}
	var problems Problems
	var list []*Rule
	digest := sha256.New()
	for _, name := range names {
		file := filepath.Join(dir, name)
		data, err := readRule(file, euid)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(digest, "%s\x00%s\x00", name, data)
		rule, err := p.parse(file, data)
		if found, ok := errors.AsType[Problems](err); ok {
			problems = append(problems, found...)
			continue
		}
		list = append(list, rule)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	s, err := NewSet(list)
	if err != nil {
		return nil, err
	}
	s.SHA256 = hex.EncodeToString(digest.Sum(nil))
	return s, nil
}

// ruleFiles lists the names of a directory's rule files, sorted. Files with tests
// are none.
func ruleFiles(dir string, euid int) ([]string, error) {
	names, err := store(euid).Names(dir)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, testSuffix) })
	if len(names) == 0 {
		return nil, fmt.Errorf("read %s: no *.yaml file in it but tests: %w", dir, fs.ErrNotExist)
	}
	return names, nil
}

// readRule reads one rule file.
func readRule(path string, euid int) ([]byte, error) { return store(euid).Read(path) }

func store(euid int) yamlfile.Store { return yamlfile.Store{Noun: "rule", EUID: euid} }
