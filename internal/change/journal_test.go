// SPDX-License-Identifier: Apache-2.0

package change

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tcptune/tcptune/sysctl"
)

// An entry that is decoded is one that can be written again.
func FuzzDecodeEntry(f *testing.F) {
	text := "# content\n"
	e := Entry{
		SchemaVersion: EntrySchemaVersion, ID: 3, Kind: KindRollback, Phase: PhaseApplied, Mode: ModeBoth, Undoes: []int{2},
		Changes: []Change{{Key: sysctl.MustKey("net.core.somaxconn"), Before: "4096", After: "8192"}},
		File:    &FileChange{Path: DefaultDropIn, Before: &text, Mode: 0o640},
		State:   State{Settings: []Setting{}}, Prior: State{Settings: []Setting{}},
	}
	data, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema_version":1,"id":1,"kind":"apply","phase":"pending","mode":"runtime"}`))
	f.Add([]byte(`{"schema_version":1,"changes":[{"key":"net.*.x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entry, err := decodeEntry(data)
		if err != nil {
			if entry != nil {
				t.Fatal("an entry and an error")
			}
			return
		}
		again, err := json.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		same, err := decodeEntry(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entry, same, cmp.AllowUnexported(sysctl.Key{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("unexpected entry (-want +got)\n%s", diff)
		}
	})
}

func TestDecodeEntryRefuses(t *testing.T) {
	good := `{"schema_version":1,"id":1,"kind":"apply","phase":"applied","mode":"both"`
	if _, err := decodeEntry([]byte(good + "}")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"more behind it":  good + "} {}",
		"unknown field":   good + `,"more":1}`,
		"schema version":  `{"schema_version":2,"id":1,"kind":"apply","phase":"applied","mode":"both"}`,
		"id":              `{"schema_version":1,"id":0,"kind":"apply","phase":"applied","mode":"both"}`,
		"phase":           `{"schema_version":1,"id":1,"kind":"apply","phase":"done","mode":"both"}`,
		"no key":          good + `,"changes":[{"before":"1","after":"2"}]}`,
		"pattern":         good + `,"changes":[{"key":"net.ipv4.conf.*.rp_filter","before":"1","after":"2"}]}`,
		"relative file":   good + `,"file":{"path":"etc/x.conf"}}`,
		"file with ..":    good + `,"file":{"path":"/etc/../x.conf"}}`,
		"mode with setid": good + `,"file":{"path":"/etc/x.conf","mode":2048}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if entry, err := decodeEntry([]byte(text)); err == nil || entry != nil {
				t.Errorf("unexpected %+v", entry)
			}
		})
	}
}

// TestNewestHere: a run in another network namespace, which may be gone by now, hides
// neither the runs of this one nor their values from before tcptune.
func TestNewestHere(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	here, there := w.Machine, *w.Machine
	no := false
	there.Host = Host{BootID: "boot 1", Netns: "net:[2]", Initial: &no}
	there.Live = fakeLive{w.fsys, oldLive()}
	w.Machine, w.live = &there, fakeLive{w.fsys, oldLive()}
	p := w.plan()
	p.Mode, p.File, p.Before, p.After = ModeRuntime, "", nil, nil
	if _, err := w.Apply(t.Context(), p, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, boot := range []string{"boot 1", "boot 2"} { // after a boot the other one is gone
		m := *here
		m.Host.BootID = boot
		if e, err := m.Newest(); err != nil || e == nil || e.ID != 1 {
			t.Errorf("%s: the newest entry is %+v, %v, want 1", boot, e, err)
		}
	}
	if e, err := there.Newest(); err != nil || e == nil || e.ID != 2 {
		t.Errorf("there the newest entry is %+v, %v, want 2", e, err)
	}
	if result, err := here.Rollback(t.Context(), RollbackOptions{}); err != nil || !result.Changed || w.fsys.Files()[w.file] != oldFile {
		t.Errorf("rollback: %+v, %v", result, err)
	}
	if e, err := there.Newest(); err != nil || e == nil || e.ID != 2 {
		t.Errorf("the rollback undid the entry there: %+v, %v", e, err)
	}
}
