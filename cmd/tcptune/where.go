// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

type whereOptions struct {
	root    string
	all     bool
	formats outputs
	color   string
}

func newWhereCommand(s streams) *cobra.Command {
	o := &whereOptions{}
	cmd := &cobra.Command{
		Use:   "where KEY...",
		Short: "Show which line of which file sets a sysctl, and which one wins",
		Long: `where shows every line that sets a key, in the order in which the loaders read
them, the winner under systemd-sysctl and under procps' sysctl --system, the
live value and the value after the next boot of this host. It changes nothing.`,
		Example: `  tcptune where tcp_fin_timeout
  tcptune where net.ipv4.conf.eth0.rp_filter somaxconn
  tcptune where --all`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.all && len(args) > 0:
				return fmt.Errorf("%s takes KEY or --all, not both", cmd.CommandPath())
			case !o.all && len(args) == 0:
				return fmt.Errorf("%s needs a KEY, or --all", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return keyNames(sysctl.LoadCatalogue()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.color = settings.Color
			if err := o.formats.check(); err != nil {
				return err
			}
			return runWhere(s, o, args)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "list every key that any file sets, drift first")
	cmd.Flags().StringVar(&o.root, "root", "", "look at this directory tree (proc, etc, usr below it), not at the host")
	o.formats.addFlag(cmd)
	return cmd
}

// keyNames are the catalogued keys in both spellings, for the shell.
func keyNames(catalogue *sysctl.Catalogue) []string {
	var names []string
	for _, p := range catalogue.Parameters() {
		names = append(names, p.Key.String(), p.Key.Short())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func runWhere(s streams, o *whereOptions, args []string) error {
	root := o.root
	if root == "" {
		root = "/"
	}
	files, err := sysctl.FindLines(root)
	if err != nil {
		return rootError(err)
	}
	q := query{files: files, catalogue: sysctl.LoadCatalogue()}
	// An image has no live values.
	if q.live, err = sysctl.NewTree(filepath.Join(root, "proc/sys")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rootError(err)
	}
	keys := q.all()
	if !o.all {
		if keys, err = q.named(args); err != nil {
			return err
		}
	}
	where := report.NewWhere(toolName(), sysctl.BootLoader(root), files, o.all)
	for _, key := range keys {
		q.add(where, key)
	}
	if o.all {
		where.DriftFirst()
	}
	return o.formats.write(s.out, o.color, where)
}

// A query finds keys in the catalogue, in the files and in the kernel.
type query struct {
	files     *sysctl.Files
	catalogue *sysctl.Catalogue
	live      *sysctl.Tree // nil if there are no live values
}

// all returns every key that any file sets. What a pattern sets is for the live
// values to tell.
func (q *query) all() []sysctl.Key {
	keys := q.files.Keys()
	for _, line := range q.files.Lines {
		if line.Glob && line.HasValue {
			keys = append(keys, q.expand(line.Key)...)
		}
	}
	return sortedKeys(keys)
}

// named returns the keys that the arguments mean.
func (q *query) named(args []string) ([]sysctl.Key, error) {
	var keys []sysctl.Key
	for _, name := range args {
		found := q.find(name)
		if len(found) == 0 {
			return nil, q.unknown(name)
		}
		for _, key := range found {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// find returns the keys that a name means: catalogued ones, keys of the kernel, and
// keys that a file sets, by their last component too.
func (q *query) find(name string) []sysctl.Key {
	var keys []sysctl.Key
	for _, key := range q.catalogue.Resolve(name) {
		keys = append(keys, q.expand(key)...)
	}
	if len(keys) > 0 {
		return sortedKeys(keys)
	}
	key, err := sysctl.ParseKey(strings.TrimPrefix(name, "/proc/sys/"))
	if err != nil {
		return nil
	}
	if found := q.expand(key); key.Glob() || q.known(key) {
		return found
	}
	for _, set := range q.files.Keys() {
		if set.Short() == key.Path() {
			keys = append(keys, set)
		}
	}
	return keys
}

// known reports whether the kernel has the key or a line concerns it.
func (q *query) known(key sysctl.Key) bool {
	if q.live != nil {
		if ok, err := q.live.Exists(key); ok && err == nil {
			return true
		}
	}
	return q.set(key)
}

// set reports whether a line names the key or the pattern.
func (q *query) set(key sysctl.Key) bool {
	return slices.ContainsFunc(q.files.Lines, func(l sysctl.Line) bool { return l.Key == key })
}

// expand returns the keys that a pattern stands for in the kernel and in the files. A
// key without wildcards stays as it is, and so does a pattern that a line sets or the
// catalogue knows, if it stands for none.
func (q *query) expand(key sysctl.Key) []sysctl.Key {
	if !key.Glob() {
		return []sysctl.Key{key}
	}
	var keys []sysctl.Key
	if q.live != nil {
		keys, _ = q.live.Match(key) // what cannot be listed is not there for us
	}
	for _, set := range q.files.Keys() {
		if key.Match(set) {
			keys = append(keys, set)
		}
	}
	if _, ok := q.catalogue.Lookup(key); len(keys) == 0 && (ok || q.set(key)) {
		return []sysctl.Key{key}
	}
	return sortedKeys(keys)
}

func sortedKeys(keys []sysctl.Key) []sysctl.Key {
	slices.SortFunc(keys, sysctl.Key.Compare)
	return slices.Compact(keys)
}

// unknown is a name that means no key.
func (q *query) unknown(name string) error {
	text := fmt.Sprintf("no key is named %q, and no file sets one", name)
	if near := q.catalogue.Suggest(name); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError(errors.New(text), "tcptune where --all lists every key that a file sets")
}

// add adds what is known about a key to the report.
func (q *query) add(where *report.Where, key sysctl.Key) {
	parameter, _ := q.catalogue.Lookup(key)
	value, note := q.value(key)
	if value == nil && parameter != nil && parameter.Removed != "" {
		note = "Linux " + parameter.Removed + " removed this key"
	}
	where.Add(q.files, key, parameter, value, note, func(wrote, read sysctl.Value) bool {
		return q.catalogue.SameValue(key, wrote, read)
	})
}

// value returns the live value of a key, or says why there is none.
func (q *query) value(key sysctl.Key) (*sysctl.Value, string) {
	switch {
	case q.live == nil:
		return nil, "this tree has no proc/sys"
	case key.Glob():
		return nil, "a pattern, and nothing that it stands for is here"
	case snapshot.Secret(key):
		return nil, "it is a secret, and is not shown"
	}
	value, err := q.live.Get(key)
	switch {
	case err == nil:
		return &value, ""
	case errors.Is(err, fs.ErrNotExist):
		return nil, "this kernel or network namespace has no such key, or its module is not loaded"
	case errors.Is(err, fs.ErrPermission):
		return nil, "permission denied"
	}
	return nil, err.Error()
}
