// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/sysctl"
)

// steps works out one step for each key, in the order of writing.
func (p *planner) steps() {
	p.unfit = map[sysctl.Key]Step{}
	steps := map[sysctl.Key]Step{}
	for _, t := range p.plan.State.effective() {
		steps[t.Key] = p.set(t)
	}
	p.dropUnfit()
	for _, key := range p.owned() {
		if _, ok := steps[key]; !ok {
			if step, ok := p.restore(key); ok {
				steps[key] = step
			}
		}
	}
	keys := make([]sysctl.Key, 0, len(steps))
	for key := range steps {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, sysctl.Key.Compare)
	value := func(of func(Step) *sysctl.Value) func(sysctl.Key) (sysctl.Value, bool) {
		return func(key sysctl.Key) (sysctl.Value, bool) {
			v := p.live(key)
			if step, ok := steps[key]; ok {
				v = of(step)
			}
			if v == nil {
				return "", false
			}
			return *v, true
		}
	}
	for _, key := range sysctl.WriteOrder(keys, value(func(s Step) *sysctl.Value { return s.Live }), value(func(s Step) *sysctl.Value { return s.New })) {
		p.plan.Steps = append(p.plan.Steps, steps[key])
	}
}

// set makes the step for a key of the state.
func (p *planner) set(t Setting) Step {
	w := p.wanted[t.Block][t.Key]
	value := t.Value
	step := Step{
		Key: t.Key, Action: ActionSet, New: &value, Live: p.live(t.Key), Block: t.Block, Origin: t.Origin, Reason: t.Reason, Source: t.Source,
		Risk: w.Risk, Effect: w.Effect, Guard: w.Guard, Status: Unchanged,
	}
	if parameter, ok := p.situation.Catalogue.Lookup(t.Key); ok && step.Effect == "" {
		step.Effect = parameter.AppliesTo
	}
	if before, ok := p.plan.Prior.find(t.Key); p.persists() && (!ok || p.situation.DropIn.Content == nil || before.Value != t.Value) {
		step.Status = Changed
	}
	if p.situation.Live == nil {
		return step
	}
	if p.options.Mode != ModePersist && (step.Live == nil || !p.same(t.Key, t.Value, *step.Live)) {
		step.Status = Changed
	}
	p.judge(&step)
	return step
}

// judge finds out whether the key of a step can be set here.
func (p *planner) judge(step *Step) {
	err := p.situation.Live.Writable(step.Key)
	needless := step.Live != nil && p.same(step.Key, *step.New, *step.Live)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		p.absent(step)
	case err == nil && step.Live == nil:
		step.Status, step.Detail = ReadOnly, "it can be written and not read, so that a change could not be proven"
	case err == nil, needless:
	case errors.Is(err, errReadOnlyKey):
		step.Status, step.Detail = ReadOnly, err.Error()
		if p.situation.child() {
			step.Detail = "it is read-only in this network namespace"
		}
	case p.options.Mode == ModePersist:
	case errors.Is(err, unix.EROFS):
		step.Status, step.Detail = ReadOnly, "/proc/sys is mounted read-only here (a container?): set it on the host"
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		step.Detail = "writing it needs root, or CAP_NET_ADMIN in this network namespace"
	default:
		step.Status, step.Detail = ReadOnly, err.Error()
	}
	if step.Status == ReadOnly || step.Status == Unsupported {
		p.unfit[step.Key] = *step
	}
}

// absent judges a key that is not there: its module may bring it.
func (p *planner) absent(step *Step) {
	name := module(step.Key)
	switch {
	case name == "" || p.situation.ModuleLoaded != nil && p.situation.ModuleLoaded(name):
		step.Status, step.Detail = Unsupported, "this kernel has no such key"
		if p.situation.child() {
			step.Detail = "there is no such key in this network namespace"
		}
	case p.options.Mode == ModeRuntime:
		step.Status, step.Detail = Unsupported, fmt.Sprintf("its kernel module %s is not loaded", name)
	default:
		step.Status = Pending
		step.Detail = fmt.Sprintf("its kernel module %s is not loaded: put the line %q into /etc/modules-load.d/%s.conf, so that it is there when the line is read at boot", name, name, name)
	}
}

// dropUnfit takes what cannot be set here out of the state, unless its line stands
// there already: a loader would fail on it at every boot.
func (p *planner) dropUnfit() {
	p.plan.State.Settings = slices.DeleteFunc(p.plan.State.Settings, func(t Setting) bool {
		if _, ok := p.unfit[t.Key]; !ok {
			return false
		}
		before, ok := p.plan.Prior.find(t.Key)
		return !ok || before.Value != t.Value
	})
	p.plan.State = p.plan.State.Normal()
}

// restore makes the step for a key that leaves the state.
func (p *planner) restore(key sysctl.Key) (Step, bool) {
	prior, inFile := p.plan.Prior.find(key)
	step := Step{Key: key, Action: ActionRestore, Live: p.live(key), Block: prior.Block, Status: Unchanged, Reason: "tcptune no longer sets it"}
	if p.options.Mode == ModePersist {
		step.Status, step.Detail = Changed, "its line goes; the live value stays"
		return step, inFile
	}
	step.New = p.situation.original(key)
	if inFile && p.persists() && p.situation.DropIn.Content != nil {
		step.Status = Changed
	}
	switch {
	case p.situation.Live == nil:
		step.New = nil
		return step, inFile
	case step.Live == nil:
		step.New, step.Detail = nil, "it is not there any more"
	case step.New == nil:
		step.Detail = fmt.Sprintf("its value from before tcptune is not known: %s stays until the next boot", orEmpty(*step.Live))
	case !p.same(key, *step.New, *step.Live):
		step.Status = Changed
		if err := p.situation.Live.Writable(key); err != nil && (os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission)) {
			step.Status, step.Detail, step.New = ReadOnly, "it cannot be restored from here: "+err.Error(), nil
		}
	}
	if !inFile && step.Status == Changed {
		step.Detail = "it was set for the running system only, and this run ends that"
	}
	return step, inFile || step.Status == Changed
}

func orEmpty(v sysctl.Value) string { return cmp.Or(string(v), "the empty value") }
