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
	file   string
	window bool // --window was given: rates are of a window of their own
}

func (o *baselineOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "baseline", "", "compare with a saved window, and take rates since then, or with a report of check in JSON")
}

// given reports whether there is something to compare with.
func (o *baselineOptions) given() bool { return o.file != "" }

func (o *baselineOptions) complete(cmd *cobra.Command, netns string) error {
	o.window = cmd.Flags().Changed("window")
	switch {
	case cmd.Flags().Changed("baseline") && o.file == "":
		return usageError(errors.New("--baseline needs a file"), baselineHint)
	case o.given() && netns == allNamespaces:
		return usageError(errors.New("a baseline is of one network namespace, and --netns all asks for every one"), "tcptune check --netns NAME --baseline FILE")
	}
	return nil
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

// open reads the baseline of a check; nil without one.
func (o *baselineOptions) open() (*baseline, error) {
	if o.file == "" {
		return nil, nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, openError(o.file, err)
	}
	defer f.Close()
	b, err := readBaseline(f, o.file)
	if err != nil {
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("read the baseline %s: %w", o.file, err), hint: baselineHint}
	}
	return b, nil
}

// readBaseline reads a saved window or a report, whichever it is.
func readBaseline(in io.Reader, source string) (*baseline, error) {
	data, err := io.ReadAll(io.LimitReader(in, snapshot.MaxWindowBytes+1))
	if err != nil {
		return nil, err
	}
	var kind struct {
		Findings json.RawMessage `json:"findings"`
	}
	if json.Unmarshal(data, &kind) == nil && kind.Findings != nil {
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

// isOf refuses a baseline of something else.
func (b *baseline) isOf(now report.Host) error {
	if err := b.host().SameAs(now); err != nil {
		return &exitError{status: exitFailed, err: fmt.Errorf("compare with %s: %w", b.source, err),
			hint: "a baseline counts until the next boot, and for one network namespace: make a new one with tcptune collect -o FILE"}
	}
	return nil
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
		return 0, &exitError{status: exitFailed, err: fmt.Errorf("compare with %s: it was taken later than what is examined", b.source), hint: "the baseline is the older one"}
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

// collect takes the window of a check, and reads its baseline, nil without one.
// What the two are of is compared before anything is waited for.
func (o *checkOptions) collect(ctx context.Context, u *ui, catalogue *sysctl.Catalogue) (*snapshot.Window, *baseline, error) {
	base, err := o.baseline.open()
	if err != nil {
		return nil, nil, err
	}
	if base != nil && o.source.from == "" {
		if err := o.source.belongsTo(base, catalogue); err != nil {
			return nil, nil, err
		}
		o.source.since = base.start(&o.baseline)
	}
	window, err := o.source.window(ctx, u, catalogue)
	if err != nil || base == nil {
		return window, nil, err
	}
	if err := base.isOf(report.HostOf(window.To)); err != nil {
		return nil, nil, err
	}
	if start := base.start(&o.baseline); start != nil {
		base.span(window, start)
	}
	return window, base, nil
}

// belongsTo refuses a baseline of something else than what will be examined.
func (o *sourceOptions) belongsTo(b *baseline, catalogue *sysctl.Catalogue) error {
	collector, err := o.collector(catalogue)
	if err != nil {
		return err
	}
	host, err := o.identify(collector)
	if err != nil {
		return err
	}
	return b.isOf(report.HostOf(&snapshot.Snapshot{Host: host}))
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
