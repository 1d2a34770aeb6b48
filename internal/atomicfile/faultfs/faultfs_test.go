// SPDX-License-Identifier: Apache-2.0

package faultfs_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/atomicfile/faultfs"
)

// careless replaces a file without any fsync. Both models of a power cut must show it.
func careless(fsys atomicfile.FS) error {
	f, err := fsys.CreateTemp("/d", ".f.*.tmp")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte("new")); err != nil {
		return err
	}
	return errors.Join(f.Close(), fsys.Rename(f.Name(), "/d/f"))
}

func TestPowerLoss(t *testing.T) {
	fsys := faultfs.New()
	fsys.Put("/d/f", "old", 0o644)
	if err := careless(fsys); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		fsys *faultfs.FS
		want map[string]string
	}{
		"restart":    {fsys.Restart(), map[string]string{"/d/f": "new"}},
		"power loss": {fsys.PowerLoss(), map[string]string{"/d/f": "old"}},
		"flushed":    {fsys.PowerLossFlushed(), map[string]string{"/d/f": ""}},
	} {
		if diff := cmp.Diff(test.want, test.fsys.Files()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	if err := fsys.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"/d/f": ""}, fsys.PowerLoss().Files()); diff != "" {
		t.Errorf("name synced, content not: (-want +got)\n%s", diff)
	}
}

func TestCrash(t *testing.T) {
	fsys := faultfs.New()
	fsys.Put("/d/f", "old", 0o644)
	fsys.Inject(2, faultfs.Fault{Crash: true, Short: true})
	tidied := false
	crashed := faultfs.Catch(func() {
		defer func() {
			tidied = !faultfs.Catch(func() { _ = fsys.Remove("/d/f") })
		}()
		_ = careless(fsys)
	})
	if !crashed || tidied || !fsys.Fired() {
		t.Errorf("crashed %t, a dead process removed a file %t", crashed, tidied)
	}
	want := map[string]string{"/d/f": "old", "/d/.f.1.tmp": "n"}
	if diff := cmp.Diff(want, fsys.Restart().Files()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, want := (faultfs.Crash{Op: "write /f"}).Error(), "crash at write /f"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	defer func() {
		if r := recover(); r != "other" {
			t.Errorf("Catch turned another panic into %v", r)
		}
	}()
	faultfs.Catch(func() { panic("other") })
}

func TestShortWrite(t *testing.T) {
	fsys := faultfs.New()
	fsys.MkdirAll("/d")
	f, err := fsys.CreateTemp("/d", "x")
	if err != nil {
		t.Fatal(err)
	}
	fsys.Inject(1, faultfs.Fault{Short: true})
	if n, err := f.Write([]byte("12345678")); n != 4 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
	fsys.Inject(1, faultfs.Fault{})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("a fault without a cause: %v", err)
	}
	if diff := cmp.Diff(map[string]string{"/d/x1": "1234"}, fsys.Files()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestLikeOS holds the answers of a tree in memory against those of the real one.
func TestLikeOS(t *testing.T) {
	dir := t.TempDir()
	fake := faultfs.New()
	fake.MkdirAll(dir)
	var errs [2][]error
	for i, fsys := range []atomicfile.FS{atomicfile.OS{}, fake} {
		at := func(name string) string { return dir + "/" + name }
		see := func(err error) { errs[i] = append(errs[i], err) }
		see(fsys.Mkdir(at("a"), 0o700))
		see(fsys.Mkdir(at("a"), 0o700))
		see(fsys.Mkdir(at("b/c"), 0o700))
		see(atomicfile.Replace(fsys, at("a/f"), []byte("content"), 0o640))
		data, err := fsys.ReadFile(at("a/f"))
		see(err)
		if string(data) != "content" {
			t.Errorf("%T: %q", fsys, data)
		}
		info, err := fsys.Lstat(at("a/f"))
		see(err)
		if info.Name() != "f" || info.Size() != 7 || info.Mode() != 0o640 || info.IsDir() {
			t.Errorf("%T: %v %v %v", fsys, info.Name(), info.Size(), info.Mode())
		}
		names, err := fsys.ReadDir(at("a"))
		see(err)
		if !slices.Equal(names, []string{"f"}) {
			t.Errorf("%T: %q", fsys, names)
		}
		_, err = fsys.ReadFile(at("a"))
		see(err)
		_, err = fsys.ReadFile(at("missing"))
		see(err)
		_, err = fsys.ReadDir(at("a/f"))
		see(err)
		_, err = fsys.Lstat(at("a/f/g"))
		see(err)
		_, err = fsys.CreateTemp(at("missing"), "*")
		see(err)
		see(fsys.Rename(at("missing"), at("a/f")))
		see(fsys.Rename(at("a/f"), at("missing/f")))
		see(fsys.Remove(at("a")))
		see(fsys.Remove(at("missing")))
		see(fsys.Rename(at("a/f"), at("g")))
		see(fsys.Remove(at("a")))
		see(fsys.Remove(at("g")))
		see(fsys.SyncDir(dir))
		see(fsys.SyncDir(at("missing")))
	}
	for i := range errs[0] {
		real, fake := errs[0][i], errs[1][i]
		for _, target := range []error{nil, fs.ErrNotExist, fs.ErrExist, syscall.ENOTDIR, syscall.ENOTEMPTY, atomicfile.ErrNotRegular} {
			if target == nil && (real == nil) != (fake == nil) || target != nil && errors.Is(real, target) != errors.Is(fake, target) {
				t.Errorf("step %d: the real tree says %v, this one %v", i, real, fake)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 || len(fake.Files()) != 0 {
		t.Errorf("left: %v, %v, %v", entries, fake.Files(), err)
	}
}
