// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tcptune/tcptune/sysctl"
)

// A Verification says whether the host is as it was wanted: live, and after the next
// boot.
type Verification struct {
	Source  string     `json:"source"`            // where the wanted values come from: "journal", "drop-in", "profile"; "" if there are none
	Name    string     `json:"name,omitempty"`    // the number of the entry, or the name of the profile
	Refused string     `json:"refused,omitempty"` // why the journal was not taken as the source
	Host    Host       `json:"host"`
	Keys    []Verified `json:"keys"`
	File    *Written   `json:"file"`   // the drop-in; null if live values only are wanted
	Owners  []Owner    `json:"owners"` // other software that writes some of the keys
	Notes   []string   `json:"notes"`
}

// A Verified is how it stands with one key.
type Verified struct {
	Key    sysctl.Key     `json:"key"`
	Wanted sysctl.Value   `json:"wanted"`
	Bound  Bound          `json:"bound"`
	Live   *sysctl.Value  `json:"live"` // null if there is none or it was not read
	Boot   []BootValue    `json:"boot"` // what each loader leaves; none if live values only are wanted
	Status VerifiedStatus `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Owner  string         `json:"owner,omitempty"` // other software that writes the key
}

// A BootValue is what one loader leaves of the files.
type BootValue struct {
	Loader sysctl.Loader `json:"loader"`
	Value  *sysctl.Value `json:"value"` // null if no line sets the key
	File   string        `json:"file,omitempty"`
	Line   int           `json:"line,omitempty"`
}

// A VerifiedStatus is the outcome for one key, the worst that is true of it.
type VerifiedStatus string

// The outcomes.
const (
	VerifiedOK          VerifiedStatus = "ok"
	VerifiedDrift       VerifiedStatus = "drift"       // the live value or the line is another one
	VerifiedShadowed    VerifiedStatus = "shadowed"    // live as wanted, but another file wins over the drop-in's line
	VerifiedPending     VerifiedStatus = "pending"     // its kernel module is not loaded; the line is there
	VerifiedUnsupported VerifiedStatus = "unsupported" // this kernel or network namespace has no such key
	VerifiedUnread      VerifiedStatus = "unread"      // the live value could not be read, so nothing is known
)

// A Written is the state of the drop-in as a file.
type Written struct {
	Path      string        `json:"path"`
	Present   bool          `json:"present"`
	AsWritten bool          `json:"as_written"` // nothing speaks against its being as tcptune left it
	Problems  []FileProblem `json:"problems"`   // what does
}

// A FileProblem is what is wrong with the drop-in.
type FileProblem struct {
	Line   int    `json:"line,omitempty"` // 0 if the whole file is meant
	Text   string `json:"text,omitempty"` // the line, any bytes
	Reason string `json:"reason"`
}

// A VerifyInput is what is there and, for a profile, what is wanted.
type VerifyInput struct {
	*Situation          // Last is the newest run that counts
	Profile    string   // verify this profile; "" for the journal's state, else the drop-in's
	Wanted     []Wanted // the profile's settings
	LiveOnly   bool     // judge live values, no file
	BootOnly   bool     // judge the files, no live value
}

// Verify compares what is wanted with what is live and with the winning lines under
// every modelled loader. It only reads. The journal counts when it is of this boot and
// network namespace; the drop-in counts otherwise.
func Verify(in VerifyInput) *Verification {
	v := &verifier{
		in:  in,
		out: &Verification{Host: in.Host, Keys: []Verified{}, Owners: []Owner{}, Notes: []string{}},
	}
	settings := v.source()
	v.live, v.persistent = v.live && !in.BootOnly, v.persistent && !in.LiveOnly
	if v.persistent {
		v.file()
	}
	for _, s := range settings {
		if !s.Overridden {
			v.out.Keys = append(v.out.Keys, v.key(s))
		}
	}
	v.owners()
	return v.out
}

// InSync reports whether all that could be judged is as wanted. It is false when there
// is nothing to verify.
func (v *Verification) InSync() bool {
	if v.Source == "" || v.File != nil && !v.File.AsWritten {
		return false
	}
	return !slices.ContainsFunc(v.Keys, func(k Verified) bool {
		return k.Status == VerifiedDrift || k.Status == VerifiedShadowed
	})
}

// Judged reports whether there was something to verify and every key could be read.
func (v *Verification) Judged() bool {
	return v.Source != "" && !slices.ContainsFunc(v.Keys, func(k Verified) bool { return k.Status == VerifiedUnread })
}

// A verifier collects a Verification.
type verifier struct {
	in         VerifyInput
	out        *Verification
	live       bool   // whether live values are judged
	persistent bool   // whether lines are judged
	dropIn     string // the drop-in with its links resolved, as Line.File names it
}

// source returns the settings to verify and notes where they come from.
func (v *verifier) source() []Setting {
	in := v.in
	v.live, v.persistent = in.Live != nil, !in.child()
	v.dropIn = hostFiles(in.Paths.Root).inside(in.Paths.DropIn)
	last := in.Last
	if in.Profile != "" {
		v.out.Source, v.out.Name = "profile", in.Profile
		if !v.persistent {
			v.out.Notes = append(v.out.Notes, "this is not the initial network namespace: files are not judged")
		}
		return profileSettings(in.Wanted)
	}
	if last != nil {
		if v.out.Refused = last.foreign(in.Host); v.out.Refused == "" {
			return v.journal(last)
		}
	}
	if in.DropIn.Content == nil || !v.persistent {
		return nil
	}
	state, _, err := ParseDropIn([]byte(*in.DropIn.Content))
	if err != nil {
		return nil // v.file says why
	}
	v.out.Source = "drop-in"
	return state.Settings
}

// foreign returns why the entry says nothing about this host as it is now; "" if it
// does.
func (e *Entry) foreign(host Host) string {
	switch {
	case e.Host.BootID == "" && host.BootID == "": // a directory tree
		return ""
	case !e.Host.SameBoot(host):
		return fmt.Sprintf("entry %d of the journal is of another boot", e.ID)
	case !e.Host.SameNetns(host):
		return fmt.Sprintf("entry %d of the journal is of another network namespace", e.ID)
	}
	return ""
}

func (v *verifier) journal(last *Entry) []Setting {
	v.out.Source, v.out.Name = "journal", fmt.Sprint(last.ID)
	switch {
	case last.Phase == PhaseTrial:
		v.persistent = false
		v.out.Notes = append(v.out.Notes, "a trial is pending: the drop-in is written when it is confirmed")
	case last.Mode == ModeRuntime:
		v.persistent = false
		v.out.Notes = append(v.out.Notes, "the last run changed live values only: files are not judged")
	case last.Mode == ModePersist:
		v.live = false
		v.out.Notes = append(v.out.Notes, "the last run changed the drop-in only: live values are shown, not judged")
	}
	return last.State.Normal().Settings
}

func profileSettings(wanted []Wanted) []Setting {
	settings := make([]Setting, len(wanted))
	for i, w := range wanted {
		settings[i] = Setting{Key: w.Key, Value: w.Value, Bound: w.Bound, Block: BlockProfile, Origin: w.Origin}
	}
	return settings
}

// file tells whether the drop-in is as it was written.
func (v *verifier) file() {
	d := v.in.DropIn
	w := &Written{Path: v.in.Paths.DropIn, Present: d.Content != nil || d.Type != 0, Problems: []FileProblem{}}
	v.out.File = w
	refuse := func(reason string) { w.Problems = append(w.Problems, FileProblem{Reason: reason}) }
	journal := v.out.Source == "journal" && v.in.Last.File != nil && v.in.Last.File.Path == w.Path
	switch {
	case d.Err != nil:
		refuse(d.Err.Error())
	case d.Type != 0:
		refuse("it is not a regular file")
	case journal && !equalText(v.in.Last.File.After, d.Content):
		refuse(fmt.Sprintf("it is not what entry %d left", v.in.Last.ID))
	case d.Content == nil && !journal && v.out.Source != "profile":
		refuse("it is not there")
	}
	if d.Content != nil {
		_, problems, err := ParseDropIn([]byte(*d.Content))
		for _, p := range problems {
			w.Problems = append(w.Problems, FileProblem{p.Line, p.Text, p.Reason})
		}
		if err != nil {
			refuse(err.Error())
		}
	}
	w.AsWritten = len(w.Problems) == 0
}

// key judges one setting.
func (v *verifier) key(s Setting) Verified {
	k := Verified{Key: s.Key, Wanted: s.Value, Bound: s.Bound, Boot: []BootValue{}, Status: VerifiedOK}
	if k.Bound == "" {
		k.Bound = Exactly
	}
	v.judgeLive(&k)
	if v.persistent {
		v.judgeBoot(&k)
	}
	if !v.live && !v.persistent { // unknown is not as wanted
		k.Status, k.Detail = VerifiedUnread, "neither the live value nor the files were to be judged"
	}
	return k
}

func (v *verifier) judgeLive(k *Verified) {
	if v.in.Live == nil {
		return
	}
	live, err := v.in.Live.Get(k.Key)
	switch {
	case err == nil:
		k.Live = &live
		if v.live && !v.satisfies(*k, live) {
			k.Status, k.Detail = VerifiedDrift, "the live value is another one"
		}
	case !errors.Is(err, fs.ErrNotExist):
		k.Status, k.Detail = VerifiedUnread, err.Error()
	case module(k.Key) != "" && v.in.ModuleLoaded != nil && !v.in.ModuleLoaded(module(k.Key)):
		k.Status, k.Detail = VerifiedPending, "the kernel module "+module(k.Key)+" is not loaded"
	default:
		k.Status, k.Detail = VerifiedUnsupported, "there is no such key here"
	}
}

// judgeBoot looks at the winning line of each loader. What is live and wrong stays the
// worst that is true.
func (v *verifier) judgeBoot(k *Verified) {
	for _, loader := range sysctl.Loaders() {
		outcome := v.in.Files.Outcome(loader, k.Key)
		boot := BootValue{Loader: loader}
		status, detail := VerifiedDrift, fmt.Sprintf("no file sets it (%s)", loader)
		if w := outcome.Winner; w != nil {
			value := sysctl.NewValue(w.Value)
			boot.Value, boot.File, boot.Line = &value, w.File, w.Number
			status, detail = v.judgeWinner(*k, outcome)
		}
		k.Boot = append(k.Boot, boot)
		if status != VerifiedOK && (k.Status == VerifiedOK || k.Status == VerifiedPending) {
			k.Status, k.Detail = status, detail
		}
	}
}

// judgeWinner judges the line that wins under one loader.
func (v *verifier) judgeWinner(k Verified, o sysctl.Outcome) (VerifiedStatus, string) {
	w := *o.Winner
	text := fmt.Sprintf("%s says %s (%s)", place(w), w.Value, o.Loader)
	ours := slices.ContainsFunc(o.Lines, func(l sysctl.Line) bool { return l.File == v.dropIn && !l.Exclude })
	switch {
	case v.satisfies(k, sysctl.NewValue(w.Value)):
		return VerifiedOK, ""
	case w.File != v.dropIn && ours:
		return VerifiedShadowed, text
	}
	return VerifiedDrift, text
}

// satisfies reports whether a value is as wanted. A bound holds field by field.
func (v *verifier) satisfies(k Verified, value sysctl.Value) bool {
	if v.in.Catalogue.SameValue(k.Key, k.Wanted, value) {
		return true
	}
	wanted, err := k.Wanted.Ints()
	if err != nil || k.Bound == Exactly {
		return false
	}
	got, err := value.Ints()
	if err != nil || len(got) != len(wanted) {
		return false
	}
	for i := range got {
		if k.Bound == AtLeast && got[i] < wanted[i] || k.Bound == AtMost && got[i] > wanted[i] {
			return false
		}
	}
	return true
}

// owners names who else writes the keys.
func (v *verifier) owners() {
	if v.in.Owners == nil || len(v.out.Keys) == 0 {
		return
	}
	keys := make([]sysctl.Key, len(v.out.Keys))
	for i, k := range v.out.Keys {
		keys[i] = k.Key
	}
	for _, o := range v.in.Owners(keys) {
		if len(o.Keys) > 0 {
			v.out.Owners = append(v.out.Owners, o)
		}
		for i := range v.out.Keys {
			if v.out.Keys[i].Owner == "" && slices.Contains(o.Keys, v.out.Keys[i].Key) {
				v.out.Keys[i].Owner = o.Name
			}
		}
	}
}
