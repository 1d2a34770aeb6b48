// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGenerated: what is committed is what gendocs writes.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range files() {
		want, err := os.ReadFile(filepath.Join(dir, "docs", f.name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("../../../docs", f.name)); err != nil || !bytes.Equal(want, got) {
			t.Errorf("docs/%s is not what go generate ./internal/explain writes (%v)", f.name, err)
		}
	}
}
