// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tcptune/tcptune/internal/expr"
)

// maxRuleFiles bounds one directory of rules.
const maxRuleFiles = 1000

// An UntrustedError is a rule file or directory that somebody else than root
// could have written, met while running as root.
type UntrustedError struct {
	Path   string
	Reason string
}

// Error names the path, the reason and the remedy.
func (e *UntrustedError) Error() string {
	return fmt.Sprintf("refuse %s: %s; rules that root uses must be owned by root and not writable by others", e.Path, e.Reason)
}

// LoadDir reads and compiles every *.yaml file of a directory, not of those
// below it. On mistakes the error is Problems, with those of all files. When
// the caller is root, the directory and its files must be root's: see
// UntrustedError.
func LoadDir(env *expr.Environment, dir string) (*Set, error) {
	return loadDir(env, dir, os.Geteuid())
}

// anyone is the euid of a caller who does not use the rules on this host, but
// tests or compiles them: whose they are does not matter then.
const anyone = -1

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
	for _, name := range names {
		file := filepath.Join(dir, name)
		data, err := readRule(file, euid)
		if err != nil {
			return nil, err
		}
		rule, err := p.parse(file, data)
		if found, ok := errors.AsType[Problems](err); ok {
			problems = append(problems, found...)
			continue
		}
		list = append(list, rule)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return NewSet(list)
}

// ruleFiles lists the names of a directory's rule files, sorted.
func ruleFiles(dir string, euid int) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if err := trusted(dir, info, euid); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	var names []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml":
			names = append(names, e.Name())
		case ".yml":
			return nil, fmt.Errorf("read %s: a rule file ends in .yaml, not .yml", filepath.Join(dir, e.Name()))
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("read %s: no *.yaml file in it: %w", dir, fs.ErrNotExist)
	case len(names) > maxRuleFiles:
		return nil, fmt.Errorf("read %s: %d rule files; at most %d are allowed", dir, len(names), maxRuleFiles)
	}
	return names, nil
}

// readRule reads one rule file, at most a byte more than is allowed. What is
// checked is the file that was opened, so a symlink gains nothing.
func readRule(path string, euid int) ([]byte, error) {
	// O_NONBLOCK: opening a FIFO must not hang.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read rule %s: not a regular file", path)
	}
	if err := trusted(path, info, euid); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRuleBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	return data, nil
}

// trusted refuses what another user could have written when euid is root.
func trusted(path string, info fs.FileInfo, euid int) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case euid != 0:
		return nil
	case !ok:
		return &UntrustedError{path, "its owner cannot be told"}
	case stat.Uid != 0:
		return &UntrustedError{path, fmt.Sprintf("it is owned by uid %d", stat.Uid)}
	case info.Mode().Perm()&0o022 != 0:
		return &UntrustedError{path, fmt.Sprintf("its mode %s lets others write", strings.TrimPrefix(info.Mode().Perm().String(), "-"))}
	}
	return nil
}
