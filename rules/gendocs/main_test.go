// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// TestCommitted fails when the blob or a page is not what its sources say.
func TestCommitted(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		switch {
		case err != nil:
			t.Errorf("%v; run go generate ./rules", err)
		case name == blobFile && !bytes.Equal(want, got):
			t.Errorf("%s is stale (%d bytes, want %d); run go generate ./rules", name, len(got), len(want))
		case name != blobFile:
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s is stale; run go generate ./rules (-want +got)\n%s", name, diff)
			}
		}
	}
	stale, err := stalePages(root, files)
	if err != nil {
		t.Fatal(err)
	}
	if len(stale) > 0 {
		t.Errorf("pages of rules that are gone: %s", strings.Join(stale, ", "))
	}
}

func TestDeterministic(t *testing.T) {
	first, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	second, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("two runs made two different %s", name)
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, rulesDir), 0o755); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, rulesDir, "gone.md")
	if err := os.WriteFile(gone, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, builtinDir), os.DirFS(filepath.Join(root, builtinDir))); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if status := run([]string{"-root", dir}, &stderr); status != 0 {
		t.Fatalf("run = %d: %s", status, stderr.String())
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the page of a rule that is gone is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, blobFile)); err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no rules", []string{"-root", t.TempDir()}, 1, "gendocs: read rules"},
		{"unknown flag", []string{"-x"}, 2, "flag provided but not defined"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if status := run(tt.args, &stderr); status != tt.status || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("run = %d, %q, want %d and %q", status, stderr.String(), tt.status, tt.want)
			}
		})
	}
}
