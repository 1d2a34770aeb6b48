// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

func TestLoadDir(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"b.yaml": ruleText("b"), "a.yaml": ruleText("a"), "README.md": "x", "testdata/c.yaml": "not read",
	})
	s, err := LoadDir(testEnvironment(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.IDs()); diff != "" {
		t.Errorf("ids (-want +got)\n%s", diff)
	}
}

func TestLoadDirErrors(t *testing.T) {
	many := make(map[string]string)
	for i := range yamlfile.MaxFiles + 1 {
		many[fmt.Sprintf("r%d.yaml", i)] = ""
	}
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty", nil, "DIR: no *.yaml file in it"},
		{"yml", map[string]string{"a.yml": ruleText("a")}, "DIR/a.yml: a rule file ends in .yaml, not .yml"},
		{"many", many, "DIR: 1001 rule files; at most 1000 are allowed"},
		{"directory", map[string]string{"a.yaml/x": ""}, "read rule DIR/a.yaml: not a regular file"},
		{"large", map[string]string{"a.yaml": strings.Repeat("#", 2*yamlfile.MaxBytes)}, "DIR/a.yaml: the file is larger than 64 KiB"},
		{"all files", map[string]string{"a.yaml": "", "b.yaml": ruleText("c"), "d.yaml": ruleText("d")},
			"DIR/a.yaml: the file is empty\nDIR/b.yaml:1:5: id \"c\" is not the file name: the file is b.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeFiles(t, tt.files)
			s, err := LoadDir(testEnvironment(t), dir)
			if s != nil || err == nil {
				t.Fatalf("LoadDir = %v, %v, want nil and an error", s, err)
			}
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); !strings.Contains(got, tt.want) {
				t.Errorf("error %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := LoadDir(testEnvironment(t), filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadDir of nothing: %v, want not exist", err)
	}
}

func TestLoadDirPipe(t *testing.T) {
	dir := writeFiles(t, nil)
	if err := syscall.Mkfifo(filepath.Join(dir, "a.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(testEnvironment(t), dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("LoadDir of a pipe: %v", err)
	}
}

// TestLoadDirUntrusted checks files and the directory where the test is root.
func TestLoadDirUntrusted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root refuses what others can write")
	}
	for _, name := range []string{".", "a.yaml"} {
		dir := writeFiles(t, map[string]string{"a.yaml": ruleText("a")})
		if err := os.Chmod(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		_, err := LoadDir(testEnvironment(t), dir)
		if _, ok := errors.AsType[*UntrustedError](err); !ok {
			t.Errorf("LoadDir with a writable %s: %v, want UntrustedError", name, err)
		}
	}
}
