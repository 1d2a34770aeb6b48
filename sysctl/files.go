// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
)

const (
	// MaxDirEntries is the most names that are read of one directory.
	MaxDirEntries = 1 << 14
	// MaxTotalBytes is the most that FindLines reads of all files together.
	MaxTotalBytes = 32 << 20
)

// Files is what a root's configuration says about parameters.
type Files struct {
	// Lines holds the lines of every file once, masked files included, in the order of
	// Read.
	Lines []Line
	// Problems holds what could not be read, in the same order.
	Problems []Problem
	// Read holds the names in the sysctl.d directories, sorted by base name as bytes
	// and then by rank of the directory, and after them /etc/sysctl.conf and
	// /etc/ufw/sysctl.conf, which loaders treat each in their own way.
	Read []FileInfo
}

// A FileInfo is one name of a configuration file, as seen from inside the root.
type FileInfo struct {
	Path string // where loaders find it: "/etc/sysctl.d/99-sysctl.conf"
	// Target is the file itself: Path with every symbolic link resolved inside the
	// root. Lines of it carry this name. Two names with one Target are one file.
	Target string
	// Symlink reports whether Path is a symbolic link.
	Symlink bool
	// Aliases are other paths with the same base name that lead to Target, as when
	// /lib is a link to usr/lib.
	Aliases []string
	// Hidden reports whether the base name begins with a dot: procps reads such
	// files, systemd does not.
	Hidden bool
	// Null reports whether Path is a link to /dev/null: a mask that has no lines.
	Null bool
	// MaskedBy is the path with the same base name in a better directory, because of
	// which no loader reads this one; "" if there is none.
	MaskedBy string
}

// LinesOf returns the lines of the file that info names.
func (f *Files) LinesOf(info FileInfo) []Line {
	var lines []Line
	for _, line := range f.Lines {
		if line.File == info.Target {
			lines = append(lines, line)
		}
	}
	return lines
}

// Directories returns where systemd-sysctl and procps look for drop-ins, best first.
// systemd leaves /lib out unless it was built for a split /usr.
func Directories() []string {
	return []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}
}

// singles returns the files outside these directories.
func singles() []string { return []string{sysctlConf, ufwConf} }

const (
	sysctlConf = "/etc/sysctl.conf"
	ufwConf    = "/etc/ufw/sysctl.conf"
)

// FindLines reads the sysctl.d directories, /etc/sysctl.conf and /etc/ufw/sysctl.conf
// below root. Symbolic links, absolute ones too, resolve inside the root. An error
// means that root is no directory; everything else that cannot be read is a Problem.
func FindLines(root string) (*Files, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		err = checkDir(root)
	}
	if err != nil {
		return nil, fmt.Errorf("find sysctl.d files: %w", err)
	}
	f := finder{root: root, files: &Files{}, left: MaxTotalBytes}
	for _, dir := range Directories() {
		f.addDir(dir)
	}
	slices.SortStableFunc(f.files.Read, func(a, b FileInfo) int {
		return cmp.Compare(path.Base(a.Path), path.Base(b.Path))
	})
	f.mask()
	for _, name := range singles() {
		f.addSingle(name)
	}
	f.read()
	return f.files, nil
}

// A finder collects what FindLines returns.
type finder struct {
	root  string
	files *Files
	left  int // bytes that may still be read
}

func (f *finder) refuse(name, reason string) {
	f.files.Problems = append(f.files.Problems, Problem{File: name, Reason: reason})
}

// cause drops the path of the host from err.
func cause(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return err.Error()
}

// resolve returns the path of name on the host and the one inside the root, with all
// links resolved.
func (f *finder) resolve(name string) (host, target string, err error) {
	host, err = securejoin.SecureJoin(f.root, name)
	if err != nil {
		return "", "", err
	}
	inside, err := filepath.Rel(f.root, host)
	return host, path.Join("/", filepath.ToSlash(inside)), err
}

// addDir adds the names *.conf in dir. A directory that does not exist has none.
func (f *finder) addDir(dir string) {
	names, err := f.list(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.refuse(dir, "list: "+cause(err))
	}
	for _, name := range names {
		f.add(path.Join(dir, name))
	}
}

// list returns the sorted names *.conf in dir.
func (f *finder) list(dir string) ([]string, error) {
	host, _, err := f.resolve(dir)
	if err != nil {
		return nil, err
	}
	d, err := os.OpenFile(host, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.Readdirnames(MaxDirEntries)
	if errors.Is(err, io.EOF) {
		err = nil // an empty directory
	}
	if len(all) == MaxDirEntries {
		err = fmt.Errorf("%d entries or more, the rest is not read", MaxDirEntries)
	}
	names := slices.DeleteFunc(all, func(name string) bool { return !strings.HasSuffix(name, ".conf") })
	slices.Sort(names)
	return names, err
}

// add adds one name.
func (f *finder) add(name string) {
	info := FileInfo{Path: name, Target: name, Hidden: strings.HasPrefix(path.Base(name), ".")}
	// The last component is looked at unresolved, all before it resolved.
	if dir, _, err := f.resolve(path.Dir(name)); err == nil {
		link, err := os.Lstat(filepath.Join(dir, path.Base(name)))
		info.Symlink = err == nil && link.Mode().Type() == fs.ModeSymlink
	}
	if _, target, err := f.resolve(name); err == nil {
		info.Target = target // else open says why
	}
	info.Null = info.Target == "/dev/null"
	f.files.Read = append(f.files.Read, info)
}

// addSingle adds a file outside the directories, if it is there.
func (f *finder) addSingle(name string) {
	host, _, err := f.resolve(path.Dir(name))
	if err == nil {
		_, err = os.Lstat(filepath.Join(host, path.Base(name)))
	}
	switch {
	case err == nil:
		f.add(name)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		f.refuse(name, "open: "+cause(err))
	}
}

// mask makes the first of several names with one base name hide the others: as an
// alias if it is the same file, else by masking.
func (f *finder) mask() {
	var kept []FileInfo
	first := 0 // index in kept of the first name with the current base name
	for _, info := range f.files.Read {
		if len(kept) == 0 || path.Base(kept[first].Path) != path.Base(info.Path) {
			first = len(kept)
			kept = append(kept, info)
			continue
		}
		same := slices.IndexFunc(kept[first:], func(k FileInfo) bool { return k.Target == info.Target && !k.Null })
		if same >= 0 {
			kept[first+same].Aliases = append(kept[first+same].Aliases, info.Path)
			continue
		}
		info.MaskedBy = kept[first].Path
		kept = append(kept, info)
	}
	f.files.Read = kept
}

// read reads each file once.
func (f *finder) read() {
	active := map[string]bool{} // files with a name that is not masked
	for _, info := range f.files.Read {
		active[info.Target] = active[info.Target] || info.MaskedBy == ""
	}
	done := map[string]bool{}
	for _, info := range f.files.Read {
		if info.Null || done[info.Target] {
			continue
		}
		done[info.Target] = true
		file, err := f.open(info)
		switch {
		case info.Symlink && errors.Is(err, fs.ErrNotExist):
			f.refuse(info.Path, "dangling link to "+quote(info.Target))
			continue
		case err != nil:
			f.refuse(info.Path, "open: "+cause(err))
			continue
		}
		lines, problems := ParseLines(info.Target, f.bounded(file))
		file.Close()
		for i := range lines {
			lines[i].Masked = !active[info.Target]
		}
		f.files.Lines = append(f.files.Lines, lines...)
		f.files.Problems = append(f.files.Problems, problems...)
	}
}

var errNotRegular = errors.New("not a regular file")

// open opens the file of info, which must be a regular one. It does not wait for the
// other end of a pipe.
func (f *finder) open(info FileInfo) (*os.File, error) {
	host, _, err := f.resolve(info.Target)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(host, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	stat, err := file.Stat()
	switch {
	case err != nil:
	case stat.IsDir():
		err = syscall.EISDIR
	case !stat.Mode().IsRegular():
		err = errNotRegular
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// bounded limits file to what is left of MaxTotalBytes and then fails.
func (f *finder) bounded(file io.Reader) io.Reader { return &budgetReader{file, &f.left} }

// A budgetReader takes what it reads off a budget that several readers share.
type budgetReader struct {
	r    io.Reader
	left *int
}

func (b *budgetReader) Read(p []byte) (int, error) {
	if *b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes in all files together", MaxTotalBytes)
	}
	n, err := b.r.Read(p[:min(len(p), *b.left)])
	*b.left -= n
	return n, err
}
