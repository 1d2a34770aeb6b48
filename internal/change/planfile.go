// SPDX-License-Identifier: Apache-2.0

package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tcptune/tcptune/sysctl"
)

// MaxPlanBytes is the most that DecodePlan reads.
const MaxPlanBytes = 4 << 20

// ErrStale is a plan that no longer fits the host.
var ErrStale = errors.New("the plan is stale: make a new one")

// EncodePlan writes a plan for DecodePlan.
func EncodePlan(w io.Writer, p *Plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		_, err = w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// DecodePlan reads a plan. Unknown fields, other versions, and plans whose file is
// not what their state comes to are errors, so that a plan cannot carry bytes into
// /etc that NewPlan would not have written.
func DecodePlan(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxPlanBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(data) > MaxPlanBytes {
		return nil, fmt.Errorf("read plan: it has more than %d bytes", MaxPlanBytes)
	}
	var version struct {
		SchemaVersion int `json:"schema_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if version.SchemaVersion != PlanSchemaVersion {
		return nil, fmt.Errorf("read plan: its version is %d, this tcptune reads %d", version.SchemaVersion, PlanSchemaVersion)
	}
	p := &Plan{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read plan: there is something after it")
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return p, nil
}

// check returns what contradicts itself in a plan from a file.
func (p *Plan) check() error {
	steps := map[sysctl.Key]Step{}
	for _, step := range p.Steps {
		switch {
		case step.Key.IsZero():
			return errors.New("a step has no key")
		case steps[step.Key].Action != "":
			return fmt.Errorf("%s has two steps", step.Key)
		case step.Action != ActionSet && step.Action != ActionRestore:
			return fmt.Errorf("%s: action %q is not one of %s, %s", step.Key, step.Action, ActionSet, ActionRestore)
		case step.Action == ActionSet && step.New == nil:
			return fmt.Errorf("%s is set to nothing", step.Key)
		case !step.Status.known():
			return fmt.Errorf("%s: unknown status %q", step.Key, step.Status)
		}
		steps[step.Key] = step
		if step.Action == ActionSet {
			if err := checkText(step.Key, *step.New, p.Mode != ModeRuntime); err != nil {
				return err
			}
		}
	}
	if err := p.checkState(steps); err != nil {
		return err
	}
	return p.checkFile()
}

// checkState makes sure that every line to be is that of a step, as steps are what is
// shown and checked. A step that cannot be done may stand for a line that stays.
func (p *Plan) checkState(steps map[sysctl.Key]Step) error {
	for _, t := range p.State.Normal().effective() {
		step := steps[t.Key]
		unfit := step.Status == Unsupported || step.Status == ReadOnly
		if step.Action != ActionSet || !unfit && !step.New.Equal(t.Value) {
			return fmt.Errorf("the state sets %s to %q, and no step does", t.Key, t.Value)
		}
	}
	return nil
}

// checkFile compares the file to be with the state to be.
func (p *Plan) checkFile() error {
	switch p.Mode {
	case ModeRuntime:
		if p.File != "" || p.Before != nil || p.After != nil {
			return errors.New("a plan for live values only has a file")
		}
		return nil
	case ModeBoth, ModePersist:
	default:
		return fmt.Errorf("mode %q is not one of %s, %s, %s", p.Mode, ModeBoth, ModeRuntime, ModePersist)
	}
	if err := CheckDropInPath(p.File); err != nil {
		return err
	}
	if p.After != nil && *p.After != string(p.State.DropIn()) {
		return fmt.Errorf("the new content of %s is not what the state comes to", p.File)
	}
	return nil
}

func (s Status) known() bool {
	switch s {
	case Unchanged, Changed, Pending, Unsupported, ReadOnly, Conflicting, Failed:
		return true
	}
	return false
}

// Stale returns why the plan must not be applied in this situation: it was made for
// another host, boot, network namespace or file, the drop-in or a live value is not
// as it was then, or a value is not one that may be written. The error wraps ErrStale
// unless it is about a value.
func (p *Plan) Stale(s *Situation) error {
	stale := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrStale, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Host.Hostname != s.Host.Hostname:
		return stale("it was made on host %q, this is %q", p.Host.Hostname, s.Host.Hostname)
	case p.Host.BootID != s.Host.BootID:
		return stale("the host was booted since")
	case p.Host.BootID != "" && p.Host.Netns != s.Host.Netns:
		return stale("it was made in another network namespace")
	case p.Host.Kernel != s.Host.Kernel:
		return stale("it was made for Linux %s, this is %s", p.Host.Kernel, s.Host.Kernel)
	case p.Mode != ModeRuntime && p.File != s.Paths.DropIn:
		return stale("it is for the file %s, not %s", p.File, s.Paths.DropIn)
	case p.Mode != ModeRuntime && !equalText(p.Before, s.DropIn.Content):
		return stale("%s was changed since", p.File)
	}
	for _, step := range p.Steps {
		if step.Action == ActionSet {
			if err := s.Catalogue.Check(step.Key, *step.New); err != nil {
				return err
			}
		}
		if s.Live == nil || p.Mode == ModePersist {
			continue
		}
		now, err := s.Live.Get(step.Key)
		switch {
		case err != nil && step.Live != nil:
			return stale("%s cannot be read any more: %v", step.Key, err)
		case err == nil && step.Live == nil && step.Status != ReadOnly:
			return stale("%s was not there then", step.Key)
		case err == nil && step.Live != nil && !step.Live.Equal(now):
			return stale("%s was %s then, it is %s now", step.Key, orEmpty(*step.Live), orEmpty(now))
		}
	}
	return nil
}
