// SPDX-License-Identifier: Apache-2.0

// Command gendocs compiles rules/builtin/*.yaml into rules/builtin.blob and
// writes docs/rules/*.md and docs/facts.md. `go generate ./rules` runs it; a
// test fails when what is committed is not what it would write.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("gendocs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "root of the repository")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	files, err := generate(*root)
	if err == nil {
		err = write(*root, files)
	}
	if err != nil {
		fmt.Fprintf(stderr, "gendocs: %v\n", err)
		return 1
	}
	return 0
}

// write stores files, which are named from the root, and deletes pages of
// rules that are gone.
func write(root string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	stale, err := stalePages(root, files)
	for _, name := range stale {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return err
}

// stalePages lists pages of docs/rules that are not among files.
func stalePages(root string, files map[string][]byte) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, rulesDir))
	var stale []string
	for _, e := range entries {
		name := filepath.Join(rulesDir, e.Name())
		if _, ok := files[name]; !ok && strings.HasSuffix(name, ".md") {
			stale = append(stale, name)
		}
	}
	return stale, err
}
