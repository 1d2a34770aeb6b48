// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// longBaseline is the age from which on rates since a baseline say little about
// bursts.
const longBaseline = 2 * time.Hour

// newPrefix before a severity makes --fail-on count what is new only.
const newPrefix = "new-"

// baselineOptions say what findings are compared with.
type baselineOptions struct {
	file      string
	sinceLast bool
	window    bool // --window was given: rates are of a window of their own
	store     lastRunStore
}

func (o *baselineOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.file, "baseline", "", "compare with a saved window, and take rates since then, or with a report of check in JSON")
	f.BoolVar(&o.sinceLast, "since-last", false, "compare with the last run that had this flag, and take rates since then")
}

// given reports whether there is something to compare with.
func (o *baselineOptions) given() bool { return o.file != "" || o.sinceLast }

func (o *baselineOptions) complete(cmd *cobra.Command, source *sourceOptions) (err error) {
	o.window = cmd.Flags().Changed("window")
	switch {
	case cmd.Flags().Changed("baseline") && o.file == "":
		return usageError(errors.New("--baseline needs a file"), baselineHint)
	case o.file != "" && o.sinceLast:
		return usageError(errors.New("--baseline and --since-last exclude each other: each says what to compare with"), "")
	case o.given() && source.netns == allNamespaces:
		return usageError(errors.New("a baseline is of one network namespace, and --netns all asks for every one"), "name one: --netns NAME")
	case !o.sinceLast:
		return nil
	case source.from != "" || source.root != "":
		return usageError(errors.New("--since-last is for the running host, not for --from or --root"), "--baseline FILE compares with any saved window")
	}
	o.store, err = ownLastRuns()
	return err
}

const baselineHint = "make one with: tcptune collect -o FILE"

// A baseline is what a check is compared with.
type baseline struct {
	kind   report.BaselineKind
	source string
	window *snapshot.Window // nil for a report
	check  *report.Check    // of a window: once it is judged
	short  bool             // too young for rates
	fell   []string         // counters that are lower now
}

// open reads the baseline, and refuses one of something else than now is; nil
// where there is no last run.
func (o *baselineOptions) open(ctx context.Context, u *ui, now report.Host) (*baseline, error) {
	if o.sinceLast {
		return o.last(u, now)
	}
	return await(ctx, func() (*baseline, error) { return o.read(now) })
}

// read reads the file that --baseline names.
func (o *baselineOptions) read(now report.Host) (*baseline, error) {
	f, err := os.Open(o.file)
	if err != nil {
		return nil, openError(o.file, err)
	}
	defer f.Close()
	b, err := readBaseline(f, o.file)
	if err != nil {
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("read the baseline %s: %w", o.file, err), hint: baselineHint}
	}
	if err := b.host().SameAs(now); err != nil {
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("compare with %s: %w", o.file, err),
			hint: "a baseline counts until the next boot, and for one network namespace: make a new one with tcptune collect -o FILE"}
	}
	return b, nil
}

// last reads the last run. One from before the boot counts no more.
func (o *baselineOptions) last(u *ui, now report.Host) (*baseline, error) {
	b, err := o.store.load(now.Netns)
	if err != nil {
		return nil, err
	}
	if b == nil {
		u.notef("this is the first run with --since-last: nothing to compare with yet; the next one compares with this")
		return nil, nil
	}
	err = b.host().SameAs(now)
	var different *report.DifferentError
	switch {
	case err == nil:
		return b, nil
	case errors.As(err, &different) && different.What == report.AnotherBoot:
		u.notef("this is the first run with --since-last since the host has booted: nothing to compare with yet; the next one compares with this")
		return nil, nil
	}
	return nil, &exitError{status: exitFailed, err: fmt.Errorf("compare with the last run %s: %w", b.source, err),
		hint: "remove that file to begin anew; hosts that share a home directory need a XDG_STATE_HOME each"}
}

// readBaseline reads a saved window, a report or a last run, whichever it is.
func readBaseline(in io.Reader, source string) (*baseline, error) {
	data, err := io.ReadAll(io.LimitReader(in, snapshot.MaxWindowBytes+1))
	if err != nil {
		return nil, err
	}
	var kind struct {
		Findings json.RawMessage `json:"findings"`
		Check    json.RawMessage `json:"check"`
	}
	_ = json.Unmarshal(data, &kind) // what is wrong with it is told below
	switch {
	case kind.Check != nil:
		return decodeLastRun(data, source)
	case kind.Findings != nil:
		check, err := report.DecodeCheck(data)
		if err != nil {
			return nil, err
		}
		return &baseline{kind: report.BaselineReport, source: source, check: check}, nil
	}
	window, err := snapshot.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return &baseline{kind: report.BaselineWindow, source: source, window: window}, nil
}

// host is what the baseline is of.
func (b *baseline) host() report.Host {
	if b.check != nil {
		return b.check.Host
	}
	return report.HostOf(b.window.To)
}

// start is the start of a window of which now is the end; nil where rates are
// not those since the baseline.
func (b *baseline) start(o *baselineOptions) *snapshot.Snapshot {
	if b == nil || b.window == nil || o.window {
		return nil
	}
	return b.window.To
}

// span makes the time since the baseline the window. One that tells no rates
// loses its start.
func (b *baseline) span(w *snapshot.Window, start *snapshot.Snapshot) {
	w.From = start
	seconds, ok := w.Seconds()
	b.short = !ok || seconds < minWindow.Seconds()
	b.fell = w.Fell()
	if b.short || len(b.fell) > 0 {
		w.From = nil
	}
}

// describe says what the check was compared with; rates says whether they are
// those since the baseline.
func (b *baseline) describe(now *snapshot.Window, rates bool) (report.Baseline, error) {
	age, err := b.age(now.To)
	if err != nil {
		return report.Baseline{}, err
	}
	d := report.Baseline{Kind: b.kind, Source: b.source, AgeSeconds: age, Taken: now.To.Taken.Add(-time.Duration(age * float64(time.Second)))}
	d.Rates = rates && now.From != nil
	switch {
	case b.kind == report.BaselineReport:
		d.Notes = append(d.Notes, "a report holds no counters: findings are compared, rates are not those since then")
	case b.short:
		d.Notes = append(d.Notes, fmt.Sprintf("too short to judge: rates over less than %s are noise, so they are unknown", minWindow))
	case len(b.fell) > 0:
		d.Notes = append(d.Notes, fmt.Sprintf("counters went backwards, so that rates are unknown: %s; the network namespace was made anew, or they wrapped", someOf(b.fell)))
	case d.Rates && age > longBaseline.Seconds():
		d.Notes = append(d.Notes, "rates are averages over all that time: short bursts do not show")
	}
	return d, nil
}

// age is the time from the baseline to now, in seconds.
func (b *baseline) age(now *snapshot.Snapshot) (float64, error) {
	then := b.host().UptimeSeconds
	switch {
	case then == nil || now.Uptime == nil:
		return 0, &exitError{status: exitFailed, err: fmt.Errorf("compare with %s: the time since then is not known: one side has no uptime", b.source)}
	case *now.Uptime < *then:
		hint := "the baseline is the older one"
		if b.kind == report.BaselineLast { // a virtual machine was put back to an earlier state
			hint = "remove that file, and the next --since-last begins anew"
		}
		return 0, &exitError{status: exitFailed, err: fmt.Errorf("compare with %s: it was taken later than what is examined", b.source), hint: hint}
	}
	return *now.Uptime - *then, nil
}

// someOf lists a few names.
func someOf(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// collect takes the window of a check, and reads its baseline, nil where there
// is none. A baseline of something else is refused before anything is waited
// for.
func (o *checkOptions) collect(ctx context.Context, u *ui, catalogue *sysctl.Catalogue) (window *snapshot.Window, base *baseline, err error) {
	saved := o.source.from != ""
	if o.baseline.given() && !saved {
		host, err := o.source.identify(catalogue)
		if err != nil {
			return nil, nil, err
		}
		if base, err = o.baseline.open(ctx, u, *host); err != nil {
			return nil, nil, err
		}
		o.source.since = base.start(&o.baseline)
	}
	if window, err = o.source.window(ctx, u, catalogue); err != nil {
		return nil, nil, err
	}
	if o.baseline.given() && saved {
		if base, err = o.baseline.open(ctx, u, report.HostOf(window.To)); err != nil {
			return nil, nil, err
		}
	}
	if start := base.start(&o.baseline); start != nil {
		base.span(window, start)
	}
	return window, base, nil
}

// compare compares a check with its baseline, which is judged by the same rules.
func (o *checkOptions) compare(check *report.Check, b *baseline, now *snapshot.Window, e *examination) error {
	d, err := b.describe(now, b.start(&o.baseline) != nil)
	if err != nil {
		return err
	}
	then := b.check
	if then == nil {
		then, _ = o.examine(b.window, e, b.window.To.Taken)
	}
	check.CompareWith(then, d)
	return nil
}

// keep keeps a run for the next --since-last. One that was interrupted, judged
// nothing or was too short for rates is not worth comparing with: the one before
// it stays.
func (o *baselineOptions) keep(w *snapshot.Window, c *report.Check, b *baseline) error {
	if !o.sinceLast || w.Interrupted || c.Summary.Judged == 0 || b != nil && b.short {
		return nil
	}
	return o.store.save(w, c)
}
