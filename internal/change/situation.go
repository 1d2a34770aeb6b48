// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/sysctl"
)

// A Situation is what a plan is made from: the host as it is now. It is read only.
type Situation struct {
	Host      Host
	Paths     Paths
	Catalogue *sysctl.Catalogue
	Live      LiveReader    // nil where there is no live tree (--root)
	Files     *sysctl.Files // lines of every sysctl.d file
	Boot      sysctl.Boot   // who applies them at boot
	DropIn    DropInFile
	Last      *Entry // newest run that counts, for the state and original values; nil if there is none
	// Owners names other software that writes these keys; nil names none.
	Owners func([]sysctl.Key) []Owner
	// ModuleLoaded reports whether a kernel module is loaded or built in.
	ModuleLoaded func(name string) bool
	// ModuleFile reports whether the running kernel could load a module of this name,
	// written with _ for -; nil knows none.
	ModuleFile func(name string) bool
}

// A LiveReader reads live values and says whether they could be written.
type LiveReader interface {
	Get(sysctl.Key) (sysctl.Value, error)
	// Writable returns nil if a write of key can be tried; else the reason why not, for
	// which fs.ErrNotExist, fs.ErrPermission and unix.EROFS can be tested.
	Writable(sysctl.Key) error
}

// A DropInFile is the drop-in as it stands.
type DropInFile struct {
	Content  *string     // nil if there is no file, or it was not read
	Type     fs.FileMode // type bits: 0 for a regular file
	Err      error       // why it could not be read
	NoDir    bool        // its directory is not there
	ROnly    bool        // it is on a read-only file system
	Volatile string      // a file system in memory that holds it: "tmpfs"; "" for others
}

// ReadSituation reads what there is below the root of paths. procSys is the
// directory of live values, "" for none. An error means that the root is no
// directory or that procSys is none; what else cannot be read is left to the planner.
func ReadSituation(paths Paths, host Host, procSys string, catalogue *sysctl.Catalogue, last *Entry) (*Situation, error) {
	files, err := sysctl.FindLines(paths.Root)
	if err != nil {
		return nil, fmt.Errorf("read situation: %w", err)
	}
	s := &Situation{
		Host: host, Paths: paths, Catalogue: catalogue, Files: files, Last: last,
		Boot:   sysctl.BootLoader(paths.Root),
		DropIn: readDropIn(paths),
		Owners: func(keys []sysctl.Key) []Owner { return FindOwners(paths.Root, keys) },
		ModuleLoaded: func(name string) bool {
			return hostFiles(paths.Root).has("/sys/module/" + name)
		},
		ModuleFile: func(name string) bool { return sysctl.HasModule(paths.Root, host.Kernel, name) },
	}
	if procSys != "" {
		if s.Live, err = newLiveReader(procSys); err != nil {
			return nil, fmt.Errorf("read situation: %w", err)
		}
	}
	return s, nil
}

// A procReader is the LiveReader of a directory.
type procReader struct {
	*sysctl.Tree
	dir string
}

func newLiveReader(procSys string) (LiveReader, error) {
	tree, err := sysctl.NewTree(procSys)
	if err != nil {
		return nil, err
	}
	return procReader{tree, procSys}, nil
}

// Writable asks access(2), which knows read-only mounts and the kernel's own rules,
// and the mode, which binds root too in /proc/sys but not in a copy. Opening would
// tell no more and is left to who means to write.
func (p procReader) Writable(key sysctl.Key) error {
	name := filepath.Join(p.dir, key.Path())
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return pathCause(err)
	case !info.Mode().IsRegular():
		return errors.New("it is not a file")
	case info.Mode()&0o222 == 0:
		return fmt.Errorf("nobody may write it here (mode %04o): %w", info.Mode().Perm(), errReadOnlyKey)
	}
	return unix.Access(name, unix.W_OK)
}

// errReadOnlyKey is a key that nobody may write, as opposed to not this user.
var errReadOnlyKey = errors.New("read-only key")

// pathCause drops the path from err.
func pathCause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// readDropIn reads the drop-in and what kind of place it stands in. Links in its
// directory resolve inside the root; a link in its own place is not followed.
func readDropIn(paths Paths) DropInFile {
	var d DropInFile
	dir := hostFiles(paths.Root).path(path.Dir(paths.DropIn))
	if dir == "" {
		d.Err = errors.New("its directory leads out of the root")
		return d
	}
	d.NoDir = true
	for at := dir; ; at = filepath.Dir(at) { // of a directory to be made, the one above counts
		if info, err := os.Stat(at); err == nil {
			d.NoDir = d.NoDir && at != dir
			if !info.IsDir() {
				d.Err = fmt.Errorf("%s: %w", path.Dir(paths.DropIn), unix.ENOTDIR)
			}
			d.mount(at)
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	name := filepath.Join(dir, path.Base(paths.DropIn))
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return d
	case err != nil:
		d.Err = pathCause(err)
		return d
	case !info.Mode().IsRegular():
		d.Type = info.Mode().Type()
		return d
	}
	data, err := atomicfile.OS{}.ReadFile(name) // not a link or a pipe that took the place meanwhile
	if err != nil {
		d.Err = pathCause(err)
		return d
	}
	if len(data) > sysctl.MaxFileBytes {
		d.Err = fmt.Errorf("it has %d bytes, at most %d are read", len(data), sysctl.MaxFileBytes)
		return d
	}
	text := string(data)
	d.Content = &text
	return d
}

// mount notes what the file system of dir keeps.
func (d *DropInFile) mount(dir string) {
	d.ROnly = errors.Is(unix.Access(dir, unix.W_OK), unix.EROFS)
	if inMemory(dir) {
		d.Volatile = "tmpfs"
	}
}

// module returns the kernel module that brings key, "" if the kernel itself has it.
func module(key sysctl.Key) string {
	switch name := key.String(); {
	case strings.HasPrefix(name, "net.bridge."):
		return "br_netfilter"
	case strings.HasPrefix(name, "net.netfilter."), strings.HasPrefix(name, "net.nf_conntrack"):
		return "nf_conntrack"
	}
	return ""
}

// child reports whether the run is known to be in another than the initial network
// namespace.
func (s *Situation) child() bool { return s.Host.child() }

// last returns the newest run if it counts here.
func (s *Situation) last() *Entry {
	if s.Last != nil && s.Last.Host.countsFor(s.Host) {
		return s.Last
	}
	return nil
}

// Prior returns the desired state before this run, with the original values that the
// journal knows, and the lines of the drop-in that tcptune did not write. For live
// values only it is the journal's; otherwise the drop-in's or, when that is not
// there, the journal's if the last run wrote one. An error means that the drop-in
// cannot be read as one.
func (s *Situation) Prior(mode Mode) (State, []sysctl.Problem, error) {
	last := s.last()
	if mode == ModeRuntime && last != nil && last.Host.SameNetns(s.Host) { // after a boot live values are the files'
		return last.State.Normal(), nil, nil
	}
	if mode == ModeRuntime && s.child() || s.DropIn.Content == nil {
		if last != nil && last.Mode != ModeRuntime {
			return last.State.Normal(), nil, nil
		}
		return State{Settings: []Setting{}}, nil, nil
	}
	state, problems, err := ParseDropIn([]byte(*s.DropIn.Content))
	for i := range problems {
		problems[i].File = s.Paths.DropIn
	}
	for i := range state.Settings {
		state.Settings[i].Original = s.original(state.Settings[i].Key)
	}
	return state, problems, err
}

// otherDropIn returns the file that the last run left the desired state in, if it is
// there and another one than this run's.
func (s *Situation) otherDropIn() string {
	last := s.last()
	if last == nil || last.File == nil || last.File.After == nil || last.File.Path == s.Paths.DropIn {
		return ""
	}
	if !slices.ContainsFunc(s.Files.Read, func(f sysctl.FileInfo) bool { return f.Path == last.File.Path }) {
		return ""
	}
	return last.File.Path
}

// original is the live value of key from before tcptune; nil if it is not known.
func (s *Situation) original(key sysctl.Key) *sysctl.Value {
	if last := s.last(); last != nil {
		i := slices.IndexFunc(last.State.Settings, func(t Setting) bool { return t.Key == key && t.Original != nil })
		if i >= 0 {
			return last.State.Settings[i].Original
		}
	}
	return nil
}
