// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

func (p *planner) conflict(c Conflict) { p.plan.Conflicts = append(p.plan.Conflicts, c) }

// CheckDropInPath returns why name, as seen from inside the root, can be no drop-in.
func CheckDropInPath(name string) error {
	dir, base, dirs := path.Dir(name), path.Base(name), sysctl.Directories()
	switch {
	case path.Clean(name) != name || !slices.Contains(dirs, dir):
		return fmt.Errorf("%q is not in one of %s", name, strings.Join(dirs, ", "))
	case !strings.HasSuffix(base, ".conf"):
		return fmt.Errorf("%q does not end in .conf: no loader reads it", name)
	case strings.HasPrefix(base, "."):
		return fmt.Errorf("%q is hidden: systemd-sysctl does not read it", name)
	}
	return nil
}

// place refuses places where the drop-in cannot or must not be written.
func (p *planner) place() {
	if !p.persists() {
		return
	}
	file, d := p.situation.Paths.DropIn, p.situation.DropIn
	refuse := func(edit, format string, args ...any) {
		p.conflict(Conflict{Kind: "file", File: file, Text: fmt.Sprintf(format, args...), Edit: edit})
	}
	if p.situation.child() {
		p.conflict(Conflict{Kind: "namespace", File: file, Edit: "--runtime-only changes the values of this network namespace",
			Text: "this is not the initial network namespace, and /etc is usually the host's: no file is written from here"})
	}
	if err := CheckDropInPath(file); err != nil {
		refuse("", "%v", err)
	}
	if other := p.situation.otherDropIn(); other != "" {
		refuse("use that file, or take its settings out first: tcptune apply --absent --file "+other,
			"what tcptune set is in %s: one desired state is not kept in two files", other)
	}
	switch {
	case d.Type == fs.ModeSymlink:
		refuse("remove the link, or name another file with --file", "%s is a symbolic link: what it leads to is not tcptune's", file)
	case d.Type != 0:
		refuse("remove it, or name another file with --file", "%s is not a regular file", file)
	case d.Err != nil:
		refuse("", "%s cannot be read: %v", file, d.Err)
	case d.ROnly:
		refuse("--runtime-only changes live values without a file", "%s is on a read-only file system", file)
	}
}

// refuseEdits reports lines of the drop-in that another hand wrote. They would be
// lost: only what tcptune reads back is written again.
func (p *planner) refuseEdits(problems []sysctl.Problem) {
	for _, problem := range problems {
		text := problem.Reason
		if problem.Text != "" {
			text += fmt.Sprintf(": %q", problem.Text)
		}
		p.conflict(Conflict{Kind: "edited", File: problem.File, Line: problem.Line, Text: text, Accepted: p.options.Force,
			Edit: "put the setting into a file of your own or use --set, undo the edit, or go on with --force, which drops the line"})
	}
}

// refuseValues checks what is to be written, each value by itself and all together.
func (p *planner) refuseValues() {
	catalogue := p.situation.Catalogue
	for _, step := range p.plan.Steps {
		key := step.Key
		if step.Action == ActionSet && step.New != nil {
			if err := p.checkValue(step); err != nil {
				p.conflict(Conflict{Key: &key, Kind: "invalid", Text: err.Error()})
			}
		}
		if p.options.RequireAll && (step.Status == Unsupported || step.Status == ReadOnly) {
			p.conflict(Conflict{Key: &key, Kind: "unsupported", Text: fmt.Sprintf("%s is %s, and every key is required: %s", key, step.Status, step.Detail)})
		}
	}
	if len(p.plan.Refused()) > 0 {
		return // one fault need not be told twice
	}
	at := func(after bool) func(sysctl.Key) (sysctl.Value, bool) {
		return func(key sysctl.Key) (sysctl.Value, bool) {
			v := p.live(key)
			if i := slices.IndexFunc(p.plan.Steps, func(s Step) bool { return s.Key == key && s.New != nil }); after && i >= 0 {
				if _, unfit := p.unfit[key]; !unfit {
					v = p.plan.Steps[i].New
				}
			}
			if v == nil {
				return "", false
			}
			return *v, true
		}
	}
	before := map[string]bool{} // what is wrong already is not this run's fault
	for _, err := range catalogue.CheckTogether(at(false)) {
		before[err.Error()] = true
	}
	for _, err := range catalogue.CheckTogether(at(true)) {
		if !before[err.Error()] {
			p.conflict(Conflict{Key: p.culprit(err), Kind: "invalid", Text: err.Error()})
		}
	}
}

// culprit returns the first of the keys of a *sysctl.TogetherError that this run sets.
func (p *planner) culprit(err error) *sysctl.Key {
	var together *sysctl.TogetherError
	if !errors.As(err, &together) {
		return nil
	}
	for _, key := range together.Keys {
		if slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Key == key }) {
			return &key
		}
	}
	return nil
}

// checkValue returns why the value of a step must not be written.
func (p *planner) checkValue(step Step) error {
	key, value := step.Key, *step.New
	beyond := !strings.HasPrefix(key.Path(), "net/")
	switch {
	case beyond && p.situation.child():
		return fmt.Errorf("%s belongs to the whole machine: it is changed from the initial network namespace only", key)
	case beyond && !p.options.AllowAny && !p.agreed(key, value):
		return fmt.Errorf("%s is not below net.: tcptune changes others only with --allow-any", key)
	}
	if err := checkText(key, value, p.persists()); err != nil {
		return err
	}
	if err := p.situation.Catalogue.Check(key, value); err != nil {
		return err
	}
	if _, known := p.situation.Catalogue.Lookup(key); !known && step.Live != nil {
		if want, got := len(step.Live.Fields()), len(value.Fields()); want > 1 && got != want {
			return fmt.Errorf("set %s to %q: it has %d fields, the kernel's value has %d", key, value, got, want)
		}
	}
	return p.checkCongestion(step)
}

// agreed reports whether an earlier run set the key to this value: what --allow-any
// allowed once does not hold up every later run.
func (p *planner) agreed(key sysctl.Key, value sysctl.Value) bool {
	before, ok := p.plan.Prior.find(key)
	return ok && before.Value.Equal(value)
}

// checkText refuses keys and values that a loader would not read back as they are.
func checkText(key sysctl.Key, value sysctl.Value, persists bool) error {
	switch {
	case key.String() == "net.ipv4.tcp_tw_recycle":
		return fmt.Errorf("%s dropped clients behind NAT and is gone since Linux 4.12: tcptune does not set it", key)
	case key.Glob():
		return fmt.Errorf("%s is a pattern: name one key", key)
	case !persists:
		return nil
	case oneLine(key.String()) != key.String() || strings.Contains(key.String(), "="):
		return fmt.Errorf("%q has characters that a sysctl.d file cannot carry alike to every loader: only printable ASCII without = is allowed", key)
	case value == "":
		return fmt.Errorf("set %s: loaders do not agree on a line without a value (--runtime-only sets it; --unset %s takes a setting out)", key, key)
	case oneLine(string(value)) != string(value):
		return fmt.Errorf("set %s to %q: a sysctl.d file can carry only printable ASCII that does not end in a backslash, at most %d characters", key, value, maxText)
	}
	return nil
}

// refuseShadowed asks both loaders which line would win over the new drop-in. A line
// elsewhere that says the same, or keeps to the bound, is no conflict. Where neither of
// them loads the files at boot, a note says that nothing is proven.
func (p *planner) refuseShadowed() {
	if !p.situation.Boot.Known || !p.persists() || p.plan.After == nil || CheckDropInPath(p.plan.File) != nil {
		return
	}
	files := p.situation.Files.With(p.plan.File, p.plan.After)
	ours := p.plan.File
	for _, info := range files.Read {
		if info.Path == p.plan.File {
			ours = info.Target
		}
	}
	for i := range p.plan.Steps {
		step := &p.plan.Steps[i]
		t, ok := p.plan.State.find(step.Key)
		if ok && step.Action == ActionSet {
			p.shadow(step, t, files, ours)
		}
	}
}

// shadow looks for what wins over the line of one setting.
func (p *planner) shadow(step *Step, t Setting, files *sysctl.Files, ours string) {
	found := map[string]*Conflict{}
	var order []string
	for _, loader := range sysctl.Loaders() {
		c := p.loser(t, files.Outcome(loader, t.Key), ours)
		if c == nil {
			continue
		}
		place := fmt.Sprintf("%s:%d", c.File, c.Line)
		if found[place] == nil {
			found[place] = c
			order = append(order, place)
			c.Text += " under " + string(loader)
			continue
		}
		found[place].Text += " and " + string(loader)
	}
	for _, place := range order {
		step.Shadowed = p.options.AcceptShadowed
		found[place].Accepted = p.options.AcceptShadowed
		p.conflict(*found[place])
	}
}

// loser returns what keeps the drop-in's line from winning; nil for nothing.
func (p *planner) loser(t Setting, o sysctl.Outcome, ours string) *Conflict {
	key := t.Key
	if w := o.Winner; w != nil {
		if w.File == ours || t.MetBy(p.situation.Catalogue, sysctl.Value(w.Value)) {
			return nil
		}
		return &Conflict{Key: &key, Kind: "shadowed", File: w.File, Line: w.Number,
			Text: fmt.Sprintf("%s:%d sets %s = %s after %s and wins", w.File, w.Number, key, w.Value, p.plan.File),
			Edit: fmt.Sprintf("delete line %d of %s: %s", w.Number, w.File, w)}
	}
	for _, line := range slices.Backward(o.Lines) {
		if line.Exclude {
			return &Conflict{Key: &key, Kind: "shadowed", File: line.File, Line: line.Number,
				Text: fmt.Sprintf("%s:%d excludes %s, so that no value is set", line.File, line.Number, key),
				Edit: fmt.Sprintf("delete line %d of %s: %s", line.Number, line.File, line)}
		}
	}
	return &Conflict{Key: &key, Kind: "shadowed", File: p.plan.File, Edit: "name a file that is not hidden with --file",
		Text: fmt.Sprintf("%s is not read: a file of the same name in a better directory hides it", p.plan.File)}
}
