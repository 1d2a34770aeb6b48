// SPDX-License-Identifier: Apache-2.0

package change

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
)

const (
	// maxHostFileBytes is the most that is read of one file of other software.
	maxHostFileBytes = 1 << 20
	// maxHostNames is the most names that are read of one directory of other software.
	maxHostNames = 1 << 12
)

// hostFiles reads the small files of other software below a root. Names are
// absolute, as seen from inside; links resolve inside. What cannot be read is not
// there: these files are hints, not settings.
type hostFiles string

// path returns the path on the host; "" if there is none inside the root.
func (h hostFiles) path(name string) string {
	p, err := securejoin.SecureJoin(string(h), name)
	if err != nil {
		return ""
	}
	return p
}

// inside returns the resolved path of name as seen from inside the root.
func (h hostFiles) inside(name string) string {
	root, err := filepath.Abs(string(h))
	if err != nil {
		return name
	}
	relative, err := filepath.Rel(root, h.path(name))
	if err != nil || !filepath.IsLocal(relative) {
		return name
	}
	return path.Join("/", filepath.ToSlash(relative))
}

// has reports whether name is there, whatever it is.
func (h hostFiles) has(name string) bool {
	_, err := os.Stat(h.path(name))
	return err == nil
}

// text returns the first maxHostFileBytes of a regular file. It does not wait for
// the other end of a pipe.
func (h hostFiles) text(name string) (string, bool) {
	f, err := os.OpenFile(h.path(name), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	data, err := io.ReadAll(io.LimitReader(f, maxHostFileBytes))
	return string(data), err == nil
}

// names returns the sorted names in a directory.
func (h hostFiles) names(dir string) []string {
	d, err := os.OpenFile(h.path(dir), os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxHostNames)
	slices.Sort(names)
	return names
}

// assignments returns the lines NAME=VALUE of a file such as os-release, without
// quotes and comments. A later line wins.
func (h hostFiles) assignments(name string) map[string]string {
	text, _ := h.text(name)
	found := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			found[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return found
}
