// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/change"
)

// PlanSchemaVersion is the version of the JSON form of a Plan. The schema is
// docs/schema/plan.schema.json.
const PlanSchemaVersion = 1

// Plan is the result of `tcptune plan` and `tcptune apply --dry-run`.
type Plan struct {
	SchemaVersion int               `json:"schema_version"`
	Tool          string            `json:"tool"`
	Host          change.Host       `json:"host"`
	Mode          change.Mode       `json:"mode"`
	Changed       bool              `json:"changed"` // whether applying would change anything; false if it is refused
	Refused       bool              `json:"refused"` // whether a conflict keeps it from being applied
	File          string            `json:"file,omitempty"`
	Diff          PlanDiff          `json:"diff"`
	Keys          []PlanKey         `json:"keys"` // in the order of writing
	Conflicts     []change.Conflict `json:"conflicts"`
	Owners        []change.Owner    `json:"owners"`
	Notes         []string          `json:"notes"`
	ExitStatus    int               `json:"exit_status"`
}

// PlanDiff is the drop-in before and after; null for no file.
type PlanDiff struct {
	Diff
	Unified string `json:"unified"` // empty if nothing changes
}

// PlanKey is what is intended for one key.
type PlanKey struct {
	change.KeyResult               // After is what the live value would be
	Action           change.Action `json:"action"`
	Block            change.Block  `json:"block,omitempty"`
	Origin           string        `json:"origin,omitempty"`
	Reason           string        `json:"reason,omitempty"`
	Source           string        `json:"source,omitempty"`
	Risk             string        `json:"risk,omitempty"`
	Effect           string        `json:"effect,omitempty"`
	Guard            string        `json:"guard,omitempty"`
}

// NewPlan reports a plan.
func NewPlan(plan *change.Plan) *Plan {
	p := &Plan{
		SchemaVersion: PlanSchemaVersion, Tool: plan.Tool, Host: plan.Host, Mode: plan.Mode, Changed: plan.Changed() && len(plan.Refused()) == 0, Refused: len(plan.Refused()) > 0,
		File: plan.File, Diff: PlanDiff{Diff{plan.Before, plan.After}, unified(plan.File, plan.Before, plan.After)},
		Keys: []PlanKey{}, Conflicts: notNil(plan.Conflicts), Owners: notNil(plan.Owners), Notes: notNil(plan.Notes),
	}
	for _, s := range plan.Steps {
		k := PlanKey{
			KeyResult: change.KeyResult{Key: s.Key, Before: s.Live, Wanted: s.New, After: s.Live, Status: s.Status, Detail: s.Detail, Shadowed: s.Shadowed},
			Action:    s.Action, Block: s.Block, Origin: s.Origin, Reason: s.Reason, Source: s.Source, Risk: s.Risk, Effect: s.Effect, Guard: s.Guard,
		}
		if s.Status == change.Changed && plan.Mode != change.ModePersist && s.Live != nil && s.New != nil {
			k.After = s.New
		}
		p.Keys = append(p.Keys, k)
	}
	return p
}

// unified returns the unified diff of a file, nil being no file.
func unified(name string, before, after *string) string {
	from, to, old, content := "/dev/null", "/dev/null", "", ""
	if before != nil {
		from, old = name, *before
	}
	if after != nil {
		to, content = name, *after
	}
	const context = 3
	text, err := udiff.ToUnified(from, to, old, udiff.Lines(old, content), context)
	if err != nil {
		return "" // only edits that overlap; Lines makes none
	}
	return text
}

// WriteJSON writes the plan as one JSON document.
func (p *Plan) WriteJSON(w io.Writer) error { return writeJSON(w, p) }

// WriteText writes the plan for people: what would be set, what goes back, what
// cannot be set, which live values stay, the drop-in's diff, what speaks against it,
// and a last line that sums up.
func (p *Plan) WriteText(w io.Writer, style Style) error {
	page := &page{out: w, style: style}
	g := p.groups()
	page.planKeys("to set", g.set)
	page.planKeys("to take out: the value from before tcptune comes back", g.restored)
	page.planKeys("not to be set now", g.unable)
	page.planLines("already live, only the line is new", g.lines)
	page.planLines("only the line goes, the live value stays", g.leaving)
	if p.Changed || p.Refused {
		page.planSame(g.same)
	}
	page.planDiff(p.Diff.Unified)
	for _, c := range p.Conflicts {
		page.planConflict(c)
	}
	for _, o := range p.Owners {
		page.planOwner(o)
	}
	for _, note := range p.Notes {
		page.block("note: ", "  ", note)
	}
	page.planSummary(p, g)
	return page.err
}

// planGroups are the keys of a plan, as people want to see them.
type planGroups struct {
	set      []PlanKey // the live value changes, or is not known
	lines    []PlanKey // only the line in the drop-in is new: the live value is as wanted
	restored []PlanKey
	leaving  []PlanKey // only the line in the drop-in goes
	unable   []PlanKey
	same     []PlanKey
}

func (p *Plan) groups() planGroups {
	var g planGroups
	for _, k := range p.Keys {
		list := &g.set
		switch {
		case k.Status == change.Unchanged:
			list = &g.same
		case k.Status == change.Pending, k.Status == change.Unsupported, k.Status == change.ReadOnly:
			list = &g.unable
		case k.Action == change.ActionRestore && (k.onlyLine() || p.Mode == change.ModePersist):
			list = &g.leaving
		case k.Action == change.ActionRestore:
			list = &g.restored
		case k.onlyLine():
			list = &g.lines
		}
		*list = append(*list, k)
	}
	return g
}

// onlyLine reports whether the live value is as wanted already, and nothing else is to
// be said about the key.
func (k PlanKey) onlyLine() bool {
	return k.Status == change.Changed && k.Before != nil && k.Wanted != nil && k.Before.Equal(*k.Wanted) && k.Detail == "" && !k.Shadowed
}

// planLines prints one line for each key that keeps its live value, with that value if
// it is known.
func (p *page) planLines(title string, keys []PlanKey) {
	if len(keys) == 0 {
		return
	}
	p.planTitle(title)
	width := 0
	for _, k := range keys {
		width = max(width, ansi.StringWidth(Clean(k.Key.String())))
	}
	for _, k := range keys {
		name, value := Clean(k.Key.String()), Clean(k.keptText())
		if line := "  " + name + strings.Repeat(" ", width-ansi.StringWidth(name)+2) + value; ansi.StringWidth(line) <= p.style.width() {
			p.line(line)
			continue
		}
		p.block("  ", "      ", name+" "+value)
	}
	p.blank()
}

// keptText is the live value that stays; "" if it is not known, as below a directory tree.
func (k PlanKey) keptText() string {
	if k.Before == nil {
		return ""
	}
	return liveText(k.Before)
}

// planSame names the keys that are as wanted, live and in the file, by their last part.
func (p *page) planSame(keys []PlanKey) {
	if len(keys) == 0 {
		return
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Key.Short()
	}
	p.block("", "  ", fmt.Sprintf("as wanted already, %s: %s", plural(len(keys), "key", "keys"), strings.Join(names, ", ")))
	p.blank()
}

// planTitle prints the title of a group.
func (p *page) planTitle(title string) {
	for _, line := range wrap(title, p.style.width()) {
		p.line(p.style.paint(bold, line))
	}
}

// planKeys prints one table: a line for each key when the columns fit, else the
// values below the key, and what there is to say about it below that.
func (p *page) planKeys(title string, keys []PlanKey) {
	if len(keys) == 0 {
		return
	}
	p.planTitle(title)
	rows := [][]string{{"key", "live", "new", "risk"}}
	for _, k := range keys {
		rows = append(rows, []string{Clean(k.Key.String()), Clean(beforeText(k)), Clean(newText(k)), orDash(Clean(k.Risk))})
	}
	widths, total := make([]int, len(rows[0])), 0
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
		}
		total += 2 + widths[i]
	}
	table := total <= p.style.width()
	if table {
		p.line("  " + cells(rows[0], widths))
	}
	for i, k := range keys {
		row := rows[i+1]
		if table {
			p.line("  " + cells(row, widths))
		} else {
			p.block("  ", "    ", row[0])
			p.block("      ", "      ", arrow(row[1], row[2]))
			if k.Risk != "" {
				p.block("      ", "      ", "risk "+k.Risk)
			}
		}
		p.planKey(k)
	}
	p.blank()
}

// planKey prints what is below the line of a key.
func (p *page) planKey(k PlanKey) {
	const indent = "      "
	switch {
	case k.Status == change.Conflicting && k.Detail == "":
		p.block(indent, indent, "conflict: see below")
	case k.Status != change.Changed:
		p.block(indent, indent, string(k.Status)+": "+k.Detail)
	case k.Detail != "":
		p.block(indent, indent, k.Detail)
	}
	why := k.Reason
	if k.Action == change.ActionRestore {
		why = "" // the title says it
	}
	if k.Origin != "" {
		why = strings.TrimSpace(why + " (" + k.Origin + ")")
	}
	if why != "" {
		p.block(indent, indent, why)
	}
	if effect := effectText(k.Effect); effect != "" && k.Action == change.ActionSet {
		p.block(indent, indent+"  ", "takes effect: "+effect)
	}
	if k.Guard != "" {
		p.block(indent, indent+"  ", "not if: "+k.Guard)
	}
	if k.Shadowed {
		p.block(indent, indent, "shadowed: another file wins at the next boot")
	}
}

// effectText is when a value takes hold. The catalogue numbers the fields of a vector
// as programs do, and has notes about keys that take nothing: no use here.
func effectText(effect string) string {
	if strings.HasPrefix(effect, "n/a") || strings.HasPrefix(effect, "read-only") {
		return ""
	}
	return strings.NewReplacer("[0]", "1st number:", "[1]", "2nd number:", "[2]", "3rd number:").Replace(effect)
}

// beforeText is the live value; "-" if none was looked for, as below a directory tree.
func beforeText(k PlanKey) string {
	if k.Before == nil && (k.Status == change.Changed || k.Status == change.Conflicting) {
		return "-"
	}
	return liveText(k.Before)
}

// stays is the new value of a key that is taken out and keeps its live one.
const stays = "stays"

func arrow(live, wanted string) string {
	if wanted == stays {
		return live + " stays"
	}
	return live + " -> " + wanted
}

func newText(k PlanKey) string {
	if k.Wanted == nil {
		return stays
	}
	return liveText(k.Wanted)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// cells pads one row of a table.
func cells(row []string, widths []int) string {
	line := ""
	for i, cell := range row {
		line += cell + strings.Repeat(" ", widths[i]-ansi.StringWidth(cell)+2)
	}
	return strings.TrimRight(line, " ")
}

// planDiff prints a diff. Its lines are never broken: they are those of a file.
func (p *page) planDiff(text string) {
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		line = Clean(strings.TrimSuffix(line, "\n"))
		switch {
		case strings.HasPrefix(line, "+"):
			line = p.style.paint(green, line)
		case strings.HasPrefix(line, "-"):
			line = p.style.paint(red, line)
		case strings.HasPrefix(line, "@"):
			line = p.style.paint(dim, line)
		}
		p.line(line)
	}
	p.blank()
}

func (p *page) planConflict(c change.Conflict) {
	label := p.style.paint(red, "conflict")
	if c.Accepted {
		label = p.style.paint(yellow, "accepted")
	}
	where := ""
	if place := conflictPlace(c); place != "" && !strings.Contains(c.Text, place) {
		where = place + ": "
	}
	p.line(label + " (" + Clean(c.Kind) + ")")
	p.block("  ", "  ", where+c.Text)
	if c.Edit != "" {
		p.block("  to resolve: ", "    ", c.Edit)
	}
}

func conflictPlace(c change.Conflict) string {
	if c.File == "" || c.Line == 0 {
		return c.File
	}
	return fmt.Sprintf("%s:%d", c.File, c.Line)
}

func (p *page) planOwner(o change.Owner) {
	text := o.Text
	if len(o.Keys) > 0 {
		names := make([]string, len(o.Keys))
		for i, key := range o.Keys {
			names[i] = key.String()
		}
		text += ": " + strings.Join(names, ", ")
	}
	if o.File != "" && !strings.Contains(text, o.File) {
		text += " (" + o.File + ")"
	}
	p.block("also here: ", "  ", o.Name)
	p.block("  ", "  ", text)
}

// planSummary is the last line.
func (p *page) planSummary(plan *Plan, g planGroups) {
	refused := 0
	for _, c := range plan.Conflicts {
		if !c.Accepted {
			refused++
		}
	}
	var parts []string
	for _, part := range []struct {
		n    int
		text string
	}{{len(g.set), "to set"}, {len(g.restored) + len(g.leaving), "to take out"}, {len(g.unable), "not to be set now"}, {len(g.lines), "already live"}, {len(g.same), "as wanted already"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	counts := strings.Join(parts, ", ")
	switch {
	case refused > 0:
		p.block("", "  ", fmt.Sprintf("refused: %s; nothing would be written", plural(refused, "conflict", "conflicts")))
	case !plan.Changed && counts == "":
		p.line("nothing to do")
	case !plan.Changed:
		p.block("", "  ", "nothing to do: "+counts)
	case len(g.set)+len(g.restored)+len(g.unable) == 0:
		verb := "would write "
		if plan.Diff.After == nil {
			verb = "would remove "
		}
		p.block("", "  ", strings.TrimSuffix(verb+plan.File+": "+counts, ": "))
	default:
		p.block("", "  ", "would change this host: "+counts)
	}
}
