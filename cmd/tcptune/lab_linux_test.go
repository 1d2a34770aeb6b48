// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// rows are all rows of the lab.
func rows() []row {
	return slices.Concat(
		acceptQueueRows(),
		bufferRows(),
		cargoRows(),
		closeWaitRows(),
		configRows(),
		deadPeerRows(),
		defaultRows(),
		finSentRows(),
		idleRows(),
		lossRows(),
		machineRows(),
		mythRows(),
		orphanRows(),
		overflowRows(),
		pathRows(),
		portRows(),
		programRows(),
		rfc1337Rows(),
		readerRows(),
		synRows(),
		tableRows(),
		timeWaitRows(),
	)
}

// The environment of the lab.
const (
	envParallel = "TCPTUNE_LAB_PARALLEL" // how many rules are shown at the same time; when empty 8, in a guest 2
	envResults  = "TCPTUNE_LAB_RESULTS"  // a directory that gets the results as JSON, one file for each row
)

// TestLab runs the rows, those of one rule one after the other, and several
// rules at the same time: most of a row is waiting. Those that change a key of
// the machine come last, one at a time. A row that this machine cannot run is
// named and not run.
func TestLab(t *testing.T) {
	beside, alone := map[string][]row{}, map[string][]row{}
	for _, r := range rows() {
		if missing := r.needs.missing(t); missing != "" {
			if !lab.Isolated() { // once
				t.Logf("not here: %s: %s", r.name(), missing)
			}
			continue
		}
		byRule := beside
		if r.needs.guest {
			byRule = alone
		}
		byRule[r.rule] = append(byRule[r.rule], r)
	}
	places := make(chan struct{}, parallel(t))
	var all sync.WaitGroup
	order := slices.Sorted(maps.Keys(beside))
	slices.SortStableFunc(order, func(a, b string) int { return beside[b][0].minutes - beside[a][0].minutes })
	for _, rule := range order {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			runRows(t, rule, beside[rule])
		})
	}
	all.Wait()
	for _, rule := range slices.Sorted(maps.Keys(alone)) {
		runRows(t, rule, alone[rule])
	}
}

// runRows runs the rows of one rule.
func runRows(t *testing.T, rule string, list []row) {
	t.Run(rule, func(t *testing.T) {
		for _, r := range list {
			if r.variant == "" {
				lab.Isolate(t, r.run)
				continue
			}
			t.Run(r.variant, func(t *testing.T) { lab.Isolate(t, r.run) })
		}
	})
}

// parallel is the number of rules that are shown at the same time.
func parallel(t *testing.T) int {
	t.Helper()
	text := os.Getenv(envParallel)
	switch {
	case text == "" && lab.Guest():
		return 2
	case text == "":
		return 8
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is not a number above 0", envParallel, text)
	}
	return n
}

// missing names what this machine lacks for the row.
func (n needs) missing(t *testing.T) string {
	t.Helper()
	if n.guest && !lab.Guest() {
		return "it changes a key of the whole machine, so only in a guest"
	}
	if release := kernelRelease(t); n.kernel != "" && !kernelAtLeast(release, n.kernel) {
		return "it needs Linux " + n.kernel + ", this is " + release
	}
	if allowed, err := os.ReadFile("/proc/sys/net/ipv4/tcp_allowed_congestion_control"); n.bbr && !slices.Contains(strings.Fields(string(allowed)), "bbr") {
		return fmt.Sprintf("congestion control bbr is not allowed in namespaces: %s, error %v", allowed, err)
	}
	for _, key := range n.keys {
		if _, err := os.Stat("/proc/sys/" + strings.ReplaceAll(key, ".", "/")); err != nil {
			return "this kernel has no " + key
		}
	}
	for _, program := range n.programs {
		if _, err := os.Stat(program); err != nil {
			return "there is no " + program
		}
	}
	return ""
}

func kernelRelease(t *testing.T) string {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(name.Release[:])
}

// kernelAtLeast compares a release with a version such as 6.14.
func kernelAtLeast(release, version string) bool { return compareKernels(release, version) >= 0 }

// kernelVersion is the first two numbers of a release.
func kernelVersion(release string) (major, minor int) {
	_, _ = fmt.Sscanf(release, "%d.%d", &major, &minor)
	return major, minor
}

// An outcome is what one run of a row showed.
type outcome struct {
	Kernel  string        `json:"kernel"`
	Rule    string        `json:"rule"`
	Variant string        `json:"variant,omitempty"`
	Verdict rules.Verdict `json:"verdict"`
	Symptom string        `json:"symptom"`
	Number  string        `json:"number"`
	Before  float64       `json:"before"`
	Change  string        `json:"change"`
	Changed []string      `json:"changed,omitempty"` // settings, as KEY OLD -> NEW
	After   float64       `json:"after"`
	Effect  string        `json:"effect"`           // what was demanded at least
	Beside  []string      `json:"beside,omitempty"` // findings about the whole machine, which other load makes
}

// declared is the outcome as far as it is known before.
func (r row) declared() outcome {
	return outcome{
		Rule: r.rule, Variant: r.variant, Verdict: r.verdict, Symptom: r.symptom, Number: r.number, Change: r.change(), Effect: r.effect.text,
	}
}

// run shows the row. It is the body of an isolated test.
func (r row) run(t *testing.T) {
	s := r.stage(t)
	if (s.act != nil) != (r.cure.action != "") {
		t.Fatal("an action needs stage.act, and no other cure has it")
	}
	if s.load == nil {
		s.load = func(*testing.T) {}
	}
	idle := r.check(t, s.host)
	r.wantFindings(t, "before the symptom", idle, idle, findings{})

	for name, text := range r.files {
		s.host.Tree.WriteFile(t, name, text)
	}
	for _, key := range slices.Sorted(maps.Keys(r.settings)) {
		s.host.Sysctl(t, key, r.settings[key])
	}
	s.load(t)
	sick := r.check(t, s.host)
	o := r.declared()
	o.Kernel, o.Before = kernelRelease(t), s.number(t)
	o.Beside = r.wantFindings(t, "with the symptom", idle, sick, r.finds)
	r.wantAdvice(t, sick)
	if t.Failed() {
		t.FailNow() // what follows would be about something else
	}

	o.Changed = r.treat(t, s)
	s.load(t)
	well := r.check(t, s.host)
	o.After = s.number(t)
	r.wantFindings(t, "after the cure", idle, well, r.then)
	if r.then[r.rule] == "" && !slices.Contains(well.Passed, r.rule) {
		t.Errorf("after the cure %s did not pass", r.rule)
	}
	if !r.effect.holds(o.Before, o.After) {
		t.Errorf("%s: %v before, %v after, want %s", r.number, o.Before, o.After, r.effect.text)
	}
	o.print(t)
	if !t.Failed() {
		o.save(t)
	}
}

// check runs tcptune check in the host.
func (r row) check(t *testing.T, h *lab.Host) *report.Check {
	t.Helper()
	out := runCommand(t, h.Command("tcptune", "check", "--window", r.length(), "--format", "json"))
	c := &report.Check{}
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		t.Fatalf("check, status %d, stderr %q: %v", out.status, out.stderr, err)
	}
	return c
}

// wantFindings compares the findings above info, and that of the row's rule,
// with those expected. One about the whole machine that is not expected must
// have been there before, unless other rows run beside this one: then it is
// returned.
func (r row) wantFindings(t *testing.T, when string, idle, c *report.Check, want findings) (beside []string) {
	t.Helper()
	got := findings{}
	for _, f := range c.Findings {
		if f.Severity.AtLeast(rules.Notice) || f.Rule == r.rule {
			got[f.Rule] = f.Severity
		}
	}
	for rule := range got {
		if want[rule] != "" || !slices.Contains(machineWide(), rule) {
			continue
		}
		before := slices.ContainsFunc(idle.Findings, func(f rules.Finding) bool { return f.Rule == rule })
		if !before && (r.needs.guest || parallel(t) == 1) {
			continue
		}
		beside = append(beside, rule)
		delete(got, rule)
	}
	for _, rule := range r.varies {
		switch {
		case want[rule] == "":
			delete(got, rule)
		case got[rule] != "":
			got[rule] = want[rule]
		}
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("none", func(f findings) map[string]rules.Severity {
		return maps.Collect(maps.All(f))
	})); diff != "" {
		t.Errorf("findings %s (-want +got):\n%s", when, diff)
	}
	slices.Sort(beside)
	return beside
}

// wantAdvice checks the verdict, and that the finding recommends what the row's
// action does.
func (r row) wantAdvice(t *testing.T, c *report.Check) {
	t.Helper()
	for _, f := range c.Findings {
		if f.Rule != r.rule {
			continue
		}
		if f.Verdict != r.verdict {
			t.Errorf("verdict %s, want %s", f.Verdict, r.verdict)
		}
		advised := func(a rules.Recommendation) bool { return strings.Contains(fold(a.Action), r.cure.advice) }
		if r.cure.advice != "" && !slices.ContainsFunc(f.Recommendations, advised) {
			t.Errorf("no recommendation says %q: %+v", r.cure.advice, f.Recommendations)
		}
	}
}

// treat does what the cure says and returns the settings that it changed.
func (r row) treat(t *testing.T, s *stage) (changed []string) {
	t.Helper()
	if r.cure.applies() {
		changed = r.apply(t, s)
	}
	if s.act != nil {
		s.act(t)
	}
	return changed
}

// apply runs tcptune apply.
func (r row) apply(t *testing.T, s *stage) (changed []string) {
	t.Helper()
	out := runCommand(t, s.host.Command("tcptune", append(r.applyArguments(), "--format", "json")...))
	a := &report.Applied{}
	if err := json.Unmarshal([]byte(out.stdout), a); err != nil || out.status != exitOK || !a.Changed {
		t.Fatalf("%s: status %d, %v\n%s%s", r.change(), out.status, err, out.stdout, out.stderr)
	}
	if r.needs.guest { // the machine outlives the row
		t.Cleanup(func() {
			if out := runCommand(t, s.host.Command("tcptune", "rollback", "--to", "0", "--yes")); out.status != exitOK {
				t.Errorf("rollback: status %d\n%s%s", out.status, out.stdout, out.stderr)
			}
		})
	}
	for _, k := range a.Keys {
		if k.Before != nil && k.After != nil && *k.Before != *k.After {
			changed = append(changed, fmt.Sprintf("%s %s -> %s", k.Key, *k.Before, *k.After))
		}
	}
	return changed
}

// print writes the row of the report.
func (o outcome) print(t *testing.T) {
	t.Helper()
	change := o.Change
	if len(o.Changed) > 0 {
		change += " (" + strings.Join(o.Changed, ", ") + ")"
	}
	t.Logf("row: %s | %s | before: %v %s | %s | after: %v", o.Rule, o.Symptom, o.Before, o.Number, change, o.After)
}

// save writes the outcome where it is wanted: into a directory, and in a guest
// into the log, which is all that leaves it.
func (o outcome) save(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if lab.Guest() {
		t.Logf("outcome: %s", text)
	}
	directory := os.Getenv(envResults)
	if directory == "" {
		return
	}
	name := strings.ReplaceAll(strings.Join([]string{o.Rule, o.Variant, o.Kernel, "json"}, "."), "/", "-")
	if err := os.WriteFile(filepath.Join(directory, name), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
