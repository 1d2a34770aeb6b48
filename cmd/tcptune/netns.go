// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/nearest"
	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// allNamespaces is the --netns that stands for every network namespace.
const allNamespaces = "all"

// addNetnsFlag adds --netns; all says whether every namespace can be asked for.
func addNetnsFlag(cmd *cobra.Command, name *string, all bool) {
	usage := "examine this network namespace: a name of ip netns, a container or pod (the beginning of its id), a process id or a path"
	if all {
		usage += "; all for every one of the host"
	}
	cmd.Flags().StringVar(name, "netns", "", usage)
	_ = cmd.RegisterFlagCompletionFunc("netns", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var words []string
		if all {
			words = append(words, allNamespaces)
		}
		if list, err := netns.List(); err == nil {
			for _, n := range list.Namespaces {
				if report.Clean(n.Name) == n.Name { // a process may call itself anything
					words = append(words, n.Name)
				}
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// checkNetns refuses a --netns together with flags that name something else to
// examine.
func checkNetns(cmd *cobra.Command, name string) error {
	if !cmd.Flags().Changed("netns") {
		return nil
	}
	for _, other := range []string{"root", "from"} {
		if f := cmd.Flags().Lookup(other); f != nil && f.Changed {
			return usageError(fmt.Errorf("--netns and --%s exclude each other: network namespaces are those of the running host", other), "")
		}
	}
	if name == "" {
		return usageError(errors.New("--netns needs a name"), netnsHint)
	}
	return nil
}

const netnsHint = "tcptune states --netns all lists the network namespaces; a process id or a path such as /run/netns/NAME will do, too"

// findNamespaces finds what --netns asks for. Hidden is the number of processes
// whose namespace could not be seen.
func findNamespaces(name string) (list []*netns.Namespace, hidden int, err error) {
	listing, err := netns.List()
	if err != nil {
		return nil, 0, netnsError(name, err)
	}
	if name == allNamespaces {
		return listing.Namespaces, listing.Hidden, nil
	}
	n, err := listing.Find(name)
	if errors.Is(err, netns.ErrUnknown) {
		return nil, 0, unknownNamespace(name, listing)
	}
	if err != nil {
		return nil, 0, netnsError(name, err)
	}
	return []*netns.Namespace{n}, 0, nil
}

// unknownNamespace is a --netns that names nothing.
func unknownNamespace(name string, listing *netns.Listing) error {
	text := fmt.Sprintf("--netns %q: %s", name, netns.ErrUnknown)
	var known []nearest.Name
	for _, n := range listing.Names() {
		known = append(known, nearest.Name{Full: n, Last: n[strings.LastIndexAny(n, "./")+1:]})
	}
	if near := nearest.Names(name, known); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	hint := netnsHint
	if listing.Hidden > 0 && os.Geteuid() != 0 {
		hint = plural(listing.Hidden, "process of another user is", "processes of other users are") + " hidden: run as root to see their namespaces"
	}
	return usageError(errors.New(text), hint)
}

// netnsError is a namespace that cannot be examined.
func netnsError(name string, err error) error {
	err = fmt.Errorf("--netns %q: %w", name, err)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &exitError{status: exitPermission, err: err, hint: "entering another network namespace needs root, or CAP_SYS_ADMIN and CAP_SYS_PTRACE"}
	case errors.Is(err, netns.ErrGone):
		return &exitError{status: exitFailed, err: err, hint: "its last process ended while it was looked at"}
	case errors.Is(err, netns.ErrNoProcess), errors.Is(err, netns.ErrNot), errors.Is(err, netns.ErrAmbiguous), errors.As(err, &path):
		return usageError(err, netnsHint)
	}
	return err
}

// identify tells what will be examined, without examining it.
func (o *sourceOptions) identify(catalogue *sysctl.Catalogue) (*report.Host, error) {
	collector, err := o.collector(catalogue)
	if err != nil {
		return nil, err
	}
	host := report.HostOf(&snapshot.Snapshot{Host: collector.Identify()})
	if o.netns != "" {
		list, _, err := findNamespaces(o.netns)
		if err != nil {
			return nil, err
		}
		host.Netns = list[0].ID.String()
	}
	return &host, nil
}

// survey examines the network namespaces that --netns asks for.
func (o *sourceOptions) survey(ctx context.Context, u *ui, c *snapshot.Collector) (visits []snapshot.Visit, hidden int, err error) {
	list, hidden, err := findNamespaces(o.netns)
	if err != nil {
		return nil, 0, err
	}
	survey := snapshot.Survey{Namespaces: list, Since: o.since}
	if o.netns == allNamespaces {
		survey.Budget = o.budget
	}
	if o.length > 0 && o.since == nil {
		survey.Wait = u.waitWindow(o.length, o.cut, func() string { return plural(len(list), "network namespace", "network namespaces") })
	}
	visits, err = c.Survey(ctx, survey)
	for i := range visits {
		visits[i].Window = judgeable(visits[i].Window)
	}
	return visits, hidden, err
}

// namespace takes the window of the one network namespace that is asked for.
func (o *sourceOptions) namespace(ctx context.Context, u *ui, c *snapshot.Collector) (*snapshot.Window, error) {
	visits, _, err := o.survey(ctx, u, c)
	if err != nil {
		return nil, err
	}
	if err := visits[0].Err; err != nil {
		return nil, netnsError(o.netns, err)
	}
	return visits[0].Window, nil
}
