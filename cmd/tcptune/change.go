// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

// placeOptions say where settings are changed.
type placeOptions struct {
	root string
	file string
}

func (o *placeOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "", "change the files of this directory tree (an image, say), no live value")
	f.StringVar(&o.file, "file", "", "the drop-in, a *.conf in a sysctl.d directory (default "+change.DefaultDropIn+")")
}

// complete checks the paths.
func (o *placeOptions) complete() error {
	if o.root != "" {
		info, err := os.Stat(o.root)
		switch {
		case err != nil:
			return rootError(fmt.Errorf("open --root: %w", err))
		case !info.IsDir():
			return rootError(fmt.Errorf("open --root %s: not a directory", o.root))
		}
	}
	if o.file == "" {
		return nil
	}
	if err := change.CheckDropInPath(o.file); err != nil {
		return usageError(fmt.Errorf("--file %w", err), "it is the path inside the tree where --root names one")
	}
	return nil
}

// liveValues is the directory of live values of the host.
const liveValues = "/proc/sys"

// A workplace is the host or tree that is changed, and what changes it.
type workplace struct {
	catalogue *sysctl.Catalogue
	root      string       // "/" for the live host
	tree      *sysctl.Tree // live values; nil for a directory tree
	machine   *change.Machine
}

// open reads what the host is.
func (o *placeOptions) open() (*workplace, error) {
	w := &workplace{catalogue: sysctl.LoadCatalogue(), root: "/"}
	if o.root != "" {
		absolute, err := filepath.Abs(o.root)
		if err != nil {
			return nil, rootError(err)
		}
		w.root = absolute
	}
	w.machine = &change.Machine{
		Paths: change.NewPaths(w.root, o.file), Host: readHost(w.root), Tool: toolName(), Catalogue: w.catalogue,
		Files: atomicfile.OS{}, Hold: holdSignals, Now: time.Now,
	}
	if !w.live() {
		return w, nil
	}
	var err error
	if w.tree, err = sysctl.NewTree(liveValues); err != nil {
		return nil, err
	}
	if w.machine.Live, err = change.NewLive(liveValues); err != nil {
		return nil, err
	}
	return w, nil
}

// procSys is the directory of live values; "" for a tree.
func (w *workplace) procSys() string {
	if w.live() {
		return liveValues
	}
	return ""
}

// situation reads what a plan is made from. The journal belongs to root: for
// others the values from before tcptune are unknown, which is said.
func (w *workplace) situation(u *ui) (*change.Situation, error) {
	last, err := w.machine.Newest()
	switch {
	case errors.Is(err, fs.ErrPermission):
		u.notef("the journal cannot be read without root: the values from before tcptune are unknown")
	case err != nil:
		return nil, changeError(err)
	}
	return change.ReadSituation(w.machine.Paths, w.machine.Host, w.procSys(), w.catalogue, last)
}

// live reports whether the running host itself is changed.
func (w *workplace) live() bool { return w.root == "/" }

// has reports whether the host has a key.
func (w *workplace) has(key sysctl.Key) bool {
	if w.tree == nil {
		return false
	}
	ok, err := w.tree.Exists(key)
	return ok && err == nil
}

// maxHostText bounds the read of one name of the host.
const maxHostText = 4096

// readHost identifies the host below root.
func readHost(root string) change.Host {
	h := change.Host{Hostname: hostText(root, "proc/sys/kernel/hostname"), Kernel: hostText(root, "proc/sys/kernel/osrelease")}
	if h.Hostname == "" {
		h.Hostname = hostText(root, "etc/hostname")
	}
	if root != "/" {
		return h
	}
	h.BootID = hostText(root, "proc/sys/kernel/random/boot_id")
	h.Netns, _ = os.Readlink("/proc/self/ns/net")
	// Only the initial network namespace has the key, so it needs no privilege to ask.
	_, err := os.Stat("/proc/sys/net/core/dev_weight")
	if initial := err == nil; initial || errors.Is(err, fs.ErrNotExist) {
		h.Initial = &initial
	}
	return h
}

// hostText is the first line of a file of the root; "" if there is none.
func hostText(root, name string) string {
	f, err := os.OpenInRoot(root, name)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	data, err := io.ReadAll(io.LimitReader(f, maxHostText))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}
