// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/sysctl"
)

// A ReloadKind says what the host's own loader is asked to load.
type ReloadKind string

// The kinds of a reload.
const (
	ReloadNone   ReloadKind = "none"
	ReloadFile   ReloadKind = "file"   // the drop-in only
	ReloadSystem ReloadKind = "system" // every file, over every value that was changed since
)

// ReloadKinds returns every kind.
func ReloadKinds() []ReloadKind { return []ReloadKind{ReloadNone, ReloadFile, ReloadSystem} }

const (
	// reloadTimeout ends a loader that hangs.
	reloadTimeout = 30 * time.Second
	// maxReloadOutput is the most that is kept of what a loader prints.
	maxReloadOutput = 16 << 10
)

// A Reloader runs the loader of the host at Root, which is "/" but in tests: a
// program of an examined tree is never run.
type Reloader struct {
	Root    string
	Timeout time.Duration // 0 for the usual one
}

// Command returns what Run runs, the program first: "systemd-sysctl FILE" or, where
// there is none, "sysctl -p FILE"; for the whole system without FILE, or "sysctl
// --system". File is the absolute path of the drop-in. Without a loader the error is
// fs.ErrNotExist; ReloadNone has no command.
func (r Reloader) Command(kind ReloadKind, file string) ([]string, error) {
	if kind == ReloadNone {
		return nil, nil
	}
	if !slices.Contains(ReloadKinds(), kind) {
		return nil, fmt.Errorf("reload %q: none, file and system are allowed", kind)
	}
	if kind == ReloadFile && !strings.HasPrefix(file, "/") {
		return nil, fmt.Errorf("reload %q: the path of the file has to be absolute", file)
	}
	for _, p := range []struct {
		names        []string
		file, system []string
	}{
		{[]string{"/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"}, []string{file}, nil},
		{[]string{"/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl", "/bin/sysctl"}, []string{"-p", file}, []string{"--system"}},
	} {
		name := r.program(p.names)
		switch {
		case name == "":
		case kind == ReloadFile:
			return append([]string{name}, p.file...), nil
		default:
			return append([]string{name}, p.system...), nil
		}
	}
	return nil, fmt.Errorf("find systemd-sysctl or sysctl: %w", fs.ErrNotExist)
}

// program returns the first of names that is an executable file.
func (r Reloader) program(names []string) string {
	for _, name := range names {
		info, err := os.Stat(hostFiles(r.Root).path(name))
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return name
		}
	}
	return ""
}

// Run runs the loader and waits for it; nil for ReloadNone. A loader's exit status
// does not say whether values were written, so it is no error: the caller reads the
// keys again. An error means that no loader ran to its end.
func (r Reloader) Run(ctx context.Context, kind ReloadKind, file string) (*Reload, error) {
	command, err := r.Command(kind, file)
	if err != nil || command == nil {
		return nil, err
	}
	timeout := r.Timeout
	if timeout == 0 {
		timeout = reloadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	output := &boundedBuffer{max: maxReloadOutput}
	cmd := exec.CommandContext(ctx, hostFiles(r.Root).path(command[0]))
	cmd.Args = command
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second // a grandchild that holds the pipe is not waited for
	err = cmd.Run()
	reload := &Reload{Command: command, Output: strings.TrimSpace(output.String())}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run %s: %w after %v", command[0], context.Cause(ctx), timeout)
	case errors.As(err, &exit):
		reload.ExitStatus = exit.ExitCode()
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", command[0], err)
	}
	return reload, nil
}

// boundedBuffer keeps the first bytes that are written to it and takes the rest, so
// that the writer is not stopped.
type boundedBuffer struct {
	strings.Builder
	max int
}

func (b *boundedBuffer) Write(data []byte) (int, error) {
	b.Builder.Write(data[:min(len(data), b.max-b.Len())])
	return len(data), nil
}

// FileKeys returns the keys of the tree that any file which a loader reads sets,
// sorted: what a reload of the whole system may write. Patterns are matched in the
// tree.
func FileKeys(files *sysctl.Files, tree *sysctl.Tree) []sysctl.Key {
	var keys []sysctl.Key
	for _, line := range files.Lines {
		if !line.HasValue || line.Masked {
			continue
		}
		matches, err := tree.Match(line.Key)
		if err == nil {
			keys = append(keys, matches...)
		}
	}
	slices.SortFunc(keys, sysctl.Key.Compare)
	return slices.Compact(keys)
}

// SystemPreview lists what a reload of the whole system by the loader would change
// now: keys whose winning line differs from the live value. Wanted is that line's
// value, Detail its place.
func SystemPreview(files *sysctl.Files, loader sysctl.Loader, tree *sysctl.Tree, catalogue *sysctl.Catalogue) []KeyResult {
	var changes []KeyResult
	for _, key := range FileKeys(files, tree) {
		winner := files.Outcome(loader, key).Winner
		live, err := tree.Get(key)
		if winner == nil || err != nil { // a key that only can be written is no change to show
			continue
		}
		wanted := sysctl.NewValue(winner.Value)
		if catalogue.SameValue(key, wanted, live) {
			continue
		}
		changes = append(changes, KeyResult{Key: key, Before: &live, Wanted: &wanted, Status: Changed, Detail: place(*winner)})
	}
	return changes
}

// place is "FILE:LINE".
func place(line sysctl.Line) string { return fmt.Sprintf("%s:%d", line.File, line.Number) }

// A Bystander is a set of live values that a reload may change and should not.
type Bystander map[sysctl.Key]sysctl.Value

// NewBystander notes the values of the keys that files set, without those in ours.
func NewBystander(files *sysctl.Files, tree *sysctl.Tree, ours []sysctl.Key) Bystander {
	noted := Bystander{}
	for _, key := range FileKeys(files, tree) {
		if live, err := tree.Get(key); err == nil && !slices.Contains(ours, key) {
			noted[key] = live
		}
	}
	return noted
}

// Changed lists the keys whose value is another one now, sorted.
func (b Bystander) Changed(tree *sysctl.Tree) []KeyResult {
	var changed []KeyResult
	for key, before := range b {
		after, err := tree.Get(key)
		if err == nil && !after.Equal(before) {
			changed = append(changed, KeyResult{Key: key, Before: &before, After: &after, Status: Changed})
		}
	}
	slices.SortFunc(changed, func(x, y KeyResult) int { return x.Key.Compare(y.Key) })
	return changed
}
