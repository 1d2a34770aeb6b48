// SPDX-License-Identifier: Apache-2.0

package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// TestMounts replaces files where the machine refuses it: the old content stays, nothing
// is left behind, and the errno is reported.
func TestMounts(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		for _, test := range []struct {
			name  string
			setUp func(t *testing.T, dir, file string)
			want  error
		}{
			{"full disk", fillUp, unix.ENOSPC},
			{"read-only", func(t *testing.T, dir, _ string) {
				mount(t, "", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
			}, unix.EROFS},
			{"bind mount", func(t *testing.T, _, file string) {
				mount(t, file, file, "", unix.MS_BIND, "")
				t.Cleanup(func() { unix.Unmount(file, unix.MNT_DETACH) })
			}, unix.EBUSY},
		} {
			t.Run(test.name, func(t *testing.T) {
				dir := t.TempDir()
				mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
				t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
				file := filepath.Join(dir, "90-tcptune.conf")
				write(t, file, "old")
				test.setUp(t, dir, file)
				err := atomicfile.Replace(atomicfile.OS{}, file, []byte(strings.Repeat("new\n", 2048)), 0o644)
				if !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				if got, err := os.ReadFile(file); err != nil || string(got) != "old" {
					t.Errorf("%q, %v, want the old content", got, err)
				}
				names, err := atomicfile.OS{}.ReadDir(dir)
				if err != nil || strings.Contains(strings.Join(names, " "), ".tmp") {
					t.Errorf("%q, %v", names, err)
				}
			})
		}
	})
}

func mount(t *testing.T, source, target, fstype string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		lab.Unavailable(t, "mount", err)
	}
}

// fillUp leaves no page in dir.
func fillUp(t *testing.T, dir, _ string) {
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}
