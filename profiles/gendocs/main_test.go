// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommitted fails when a page is not what its sources say, or too many.
func TestCommitted(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, "../.."), texts(want)); diff != "" {
		t.Errorf("docs/profiles is stale; run go generate ./profiles (-committed +generated)\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	root := t.TempDir()
	gone := filepath.Join(root, pagesDir, "gone.md")
	if err := os.MkdirAll(filepath.Dir(gone), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gone, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(root); err != nil {
		t.Fatal(err)
	}
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(want), read(t, root)); diff != "" {
		t.Errorf("pages (-want +got)\n%s", diff)
	}
}

// read returns the pages below root by file name.
func read(t *testing.T, root string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, pagesDir))
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]string)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(root, pagesDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[e.Name()] = string(data)
	}
	return pages
}

func texts(pages map[string][]byte) map[string]string {
	list := make(map[string]string, len(pages))
	for name, data := range pages {
		list[name] = string(data)
	}
	return list
}
