// SPDX-License-Identifier: Apache-2.0

// Command gendocs writes docs/profiles/*.md from the built-in profiles. `go
// generate ./profiles` runs it; a test fails when what is committed is not what it
// would write.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// pagesDir holds the pages, from the root of the repository.
const pagesDir = "docs/profiles"

func main() {
	if err := run(".."); err != nil {
		fmt.Fprintf(os.Stderr, "gendocs: %v\n", err)
		os.Exit(1)
	}
}

// run makes the directory of pages what generate says, below root.
func run(root string) error {
	pages, err := generate()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, pagesDir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
