// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tcptune/tcptune/sysctl"
)

// PlanOptions say how a plan is made.
type PlanOptions struct {
	Mode           Mode
	AcceptShadowed bool   // go on although another file wins
	AllowAny       bool   // allow keys outside net.
	RequireAll     bool   // refuse if a key cannot be set
	Force          bool   // go on although the drop-in was edited by hand
	MaxRisk        string // leave recommended settings of a higher risk out; "" takes all
	Tool           string
	Now            time.Time
}

// NewPlan works out what a run with this intent would do. What speaks against it is
// in the plan's conflicts; an error means that no plan could be made.
func NewPlan(s *Situation, in Intent, o PlanOptions) (*Plan, error) {
	p := planner{situation: s, options: o, plan: &Plan{
		SchemaVersion: PlanSchemaVersion, Tool: o.Tool, Created: o.Now.UTC(), Host: s.Host, Mode: o.Mode,
		Steps: []Step{}, Conflicts: []Conflict{}, Owners: []Owner{}, Notes: []string{},
	}}
	switch o.Mode {
	case ModeBoth, ModeRuntime, ModePersist:
	default:
		return nil, fmt.Errorf("make plan: mode %q is not one of %s, %s, %s", o.Mode, ModeBoth, ModeRuntime, ModePersist)
	}
	if o.Mode == ModeRuntime && s.Live == nil {
		return nil, errors.New("make plan: there are no live values below a directory tree: only its files can be changed")
	}
	p.place()
	if err := p.prior(); err != nil {
		return nil, fmt.Errorf("make plan: %w", err)
	}
	p.intend(in)
	p.steps()
	p.content()
	p.refuseValues()
	p.refuseShadowed()
	p.finish()
	return p.plan, nil
}

// A planner makes one plan.
type planner struct {
	situation *Situation
	options   PlanOptions
	plan      *Plan
	wanted    map[Block]map[sysctl.Key]Wanted // what this run asks for
	unfit     map[sysctl.Key]Step             // keys that cannot be set on this host
}

// persists reports whether the drop-in is part of the run.
func (p *planner) persists() bool { return p.options.Mode != ModeRuntime }

// prior reads the state before the run.
func (p *planner) prior() error {
	state, problems, err := p.situation.Prior(p.options.Mode)
	switch {
	case err != nil && !p.persists():
		// The file is not touched; only what it says is lost.
		p.note("the drop-in %s is not counted in: %v", p.situation.Paths.DropIn, err)
	case err != nil:
		p.conflict(Conflict{Kind: "file", File: p.situation.Paths.DropIn, Text: fmt.Sprintf("%s cannot be taken over: %v", p.situation.Paths.DropIn, err),
			Edit: "move it away, or name another file with --file"})
	}
	if p.persists() {
		p.refuseEdits(problems)
	}
	if state.Settings == nil {
		state.Settings = []Setting{}
	}
	p.plan.Prior = state
	return nil
}

// intend works out the state after the run.
func (p *planner) intend(in Intent) {
	p.wanted = map[Block]map[sysctl.Key]Wanted{}
	state := State{Profile: p.plan.Prior.Profile, Inputs: p.plan.Prior.Inputs, Settings: slices.Clone(p.plan.Prior.Settings)}
	drop := func(leaves func(Setting) bool) { state.Settings = slices.DeleteFunc(state.Settings, leaves) }
	add := func(block Block, list []Wanted) {
		p.wanted[block] = map[sysctl.Key]Wanted{}
		for _, w := range list {
			p.wanted[block][w.Key] = w
			drop(func(t Setting) bool { return t.Block == block && t.Key == w.Key })
			state.Settings = append(state.Settings, p.setting(block, w))
		}
	}
	if in.Profile != nil {
		drop(func(t Setting) bool { return t.Block == BlockProfile })
		state.Profile, state.Inputs = in.Profile.Name, in.Profile.Inputs
		add(BlockProfile, in.Profile.Settings)
	}
	add(BlockRecommended, p.bearable(in.Recommended))
	add(BlockSet, in.Set)
	for _, key := range in.Unset {
		if !slices.ContainsFunc(state.Settings, func(t Setting) bool { return t.Key == key }) && !p.owns(key) {
			p.note("%s is not set by tcptune: there is nothing to take out", key)
		}
	}
	drop(func(t Setting) bool { return slices.Contains(in.Unset, t.Key) })
	if in.Absent {
		state = State{}
	}
	p.plan.State = state.Normal()
}

// bearable leaves out what is riskier than allowed.
func (p *planner) bearable(list []Wanted) []Wanted {
	risks := []string{"none", "low", "medium", "high"}
	limit := slices.Index(risks, p.options.MaxRisk)
	var kept []Wanted
	for _, w := range list {
		if risk := slices.Index(risks, w.Risk); limit >= 0 && (risk < 0 || risk > limit) {
			p.note("left out: %s = %s, risk %s (--max-risk %s)", w.Key, w.Value, cmp.Or(w.Risk, "unknown"), p.options.MaxRisk)
			continue
		}
		kept = append(kept, w)
	}
	return kept
}

// owns reports whether tcptune has set key.
func (p *planner) owns(key sysctl.Key) bool { return slices.Contains(p.owned(), key) }

// owned lists the keys that tcptune has set: those of the drop-in and those that the
// journal has beyond it.
func (p *planner) owned() []sysctl.Key {
	var keys []sysctl.Key
	settings := p.plan.Prior.Settings
	if last := p.situation.last(); last != nil && p.situation.Live != nil && last.Host.SameNetns(p.situation.Host) {
		settings = slices.Concat(settings, last.State.Settings)
	}
	for _, t := range settings {
		if !slices.Contains(keys, t.Key) {
			keys = append(keys, t.Key)
		}
	}
	return keys
}

// setting turns what is wanted into a line, with the value that its bound comes to.
func (p *planner) setting(block Block, w Wanted) Setting {
	t := Setting{Key: w.Key, Value: sysctl.NewValue(string(w.Value)), Block: block, Origin: w.Origin, Reason: w.Reason, Source: w.Source, Bound: w.Bound}
	if p.owns(w.Key) { // else the journal speaks of a boot whose live values are gone
		t.Original = p.situation.original(w.Key)
	}
	base := t.Original
	switch i := slices.IndexFunc(p.plan.Prior.Settings, func(prior Setting) bool { return prior.Key == w.Key && !prior.Overridden }); {
	case base != nil:
	case i >= 0: // ours already, so that the live value says nothing about before
		base = &p.plan.Prior.Settings[i].Value
	case !p.owns(w.Key):
		t.Original = p.live(w.Key)
		base = t.Original
	}
	if base != nil {
		t.Value = bound(w.Bound, t.Value, *base)
	}
	return t
}

// bound returns what is wanted, moved to base where the bound allows base. Fields are
// compared one by one; what is no list of as many numbers is taken as wanted.
func bound(b Bound, wanted, base sysctl.Value) sysctl.Value {
	w, err := wanted.Ints()
	have, err2 := base.Ints()
	if err != nil || err2 != nil || len(w) != len(have) || b != AtLeast && b != AtMost {
		return wanted
	}
	fields := make([]string, len(w))
	for i := range w {
		n := max(w[i], have[i])
		if b == AtMost {
			n = min(w[i], have[i])
		}
		fields[i] = strconv.FormatInt(n, 10)
	}
	return sysctl.Value(strings.Join(fields, " "))
}

// MetBy reports whether value, live or in a line, is as good as the setting's under
// its bound. Without a catalogue values are compared by field.
func (s Setting) MetBy(c *sysctl.Catalogue, value sysctl.Value) bool {
	return value.Equal(s.Value) || c != nil && c.SameValue(s.Key, s.Value, value) || bound(s.Bound, s.Value, value) == sysctl.NewValue(string(value))
}

func (p *planner) same(key sysctl.Key, wrote, read sysctl.Value) bool {
	return p.situation.Catalogue.SameValue(key, wrote, read)
}

// live is the live value of key; nil if there is none or it cannot be read.
func (p *planner) live(key sysctl.Key) *sysctl.Value {
	if p.situation.Live == nil {
		return nil
	}
	v, err := p.situation.Live.Get(key)
	if err != nil {
		return nil
	}
	return &v
}

// effective returns the settings that count, one for each key.
func (s State) effective() []Setting {
	return slices.DeleteFunc(slices.Clone(s.Settings), func(t Setting) bool { return t.Overridden })
}

// find returns the setting of key that counts.
func (s State) find(key sysctl.Key) (Setting, bool) {
	for _, t := range s.Settings {
		if t.Key == key && !t.Overridden {
			return t, true
		}
	}
	return Setting{}, false
}

// content puts the drop-in before and after into the plan.
func (p *planner) content() {
	if !p.persists() {
		return
	}
	p.plan.File = p.situation.Paths.DropIn
	p.plan.Before = p.situation.DropIn.Content
	if len(p.plan.State.Settings) > 0 || p.plan.State.Profile != "" {
		text := string(p.plan.State.DropIn())
		p.plan.After = &text
	}
}

// finish adds the owners and notes, and marks the keys with conflicts.
func (p *planner) finish() {
	refused := map[sysctl.Key]bool{}
	for _, c := range p.plan.Conflicts {
		if c.Key != nil {
			refused[*c.Key] = refused[*c.Key] || !c.Accepted
		}
	}
	var keys []sysctl.Key
	for i := range p.plan.Steps {
		step := &p.plan.Steps[i]
		keys = append(keys, step.Key)
		if refused[step.Key] && step.Status != Unsupported && step.Status != ReadOnly {
			step.Status = Conflicting
		}
	}
	if find := p.situation.Owners; find != nil {
		p.plan.Owners = append(p.plan.Owners, find(keys)...)
	}
	if d := p.situation.DropIn; p.persists() && p.plan.After != nil {
		if d.NoDir {
			p.note("the directory of %s is not there: it is made", p.plan.File)
		}
		if d.Volatile != "" && p.plan.Host.BootID != "" {
			p.note("%s stands on a %s: it is gone at the next boot", p.plan.File, d.Volatile)
		}
		if !p.situation.Boot.Known {
			p.note("which value wins at the next boot is not proven: %s", cmp.Or(p.situation.Boot.Reason, "the boot loader of this host is not modelled"))
		}
	}
}

func (p *planner) note(format string, args ...any) {
	p.plan.Notes = append(p.plan.Notes, fmt.Sprintf(format, args...))
}
