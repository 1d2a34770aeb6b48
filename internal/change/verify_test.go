// SPDX-License-Identifier: Apache-2.0

package change

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/sysctl"
)

func TestVerify(t *testing.T) {
	const (
		fin    = "net.ipv4.tcp_fin_timeout"
		soma   = "net.core.somaxconn"
		absent = "net.ipv4.tcp_gone"
		module = "net.netfilter.nf_conntrack_max"
		dropIn = "etc/sysctl.d/90-tcptune.conf"
	)
	setting := func(key, value string, bound Bound) Setting {
		return Setting{Key: sysctl.MustKey(key), Value: sysctl.Value(value), Block: BlockSet, Origin: "--set", Bound: bound}
	}
	state := State{Settings: []Setting{setting(soma, "4096", AtLeast), setting(fin, "30", "")}}
	file := string(state.DropIn())
	here := Host{BootID: "b", Netns: "net:[1]"}
	yes, no := true, false
	entry := func(host Host, mode Mode, phase Phase) *Entry {
		e := &Entry{ID: 7, Kind: KindApply, Phase: phase, Mode: mode, Host: host, State: state}
		if mode != ModeRuntime {
			e.File = &FileChange{Path: DefaultDropIn, After: &file}
		}
		return e
	}
	tests := []struct {
		name    string
		files   map[string]string // added to live values that are as wanted
		host    *Host
		entry   *Entry
		profile []Wanted
		source  string
		want    []string // KEY STATUS DETAIL
		file    string   // "", "ok", or the first problem
		inSync  bool
		refused string
	}{
		{name: "nothing", want: nil, file: "it is not there"},
		{
			name: "in sync, by the drop-in", files: map[string]string{dropIn: file},
			source: "drop-in", want: []string{soma + " ok", fin + " ok"}, file: "ok", inSync: true,
		},
		{
			name: "in sync, by the journal; a larger value is allowed", files: map[string]string{dropIn: file, "proc/sys/net/core/somaxconn": "65535\n"},
			entry: entry(here, ModeBoth, PhaseApplied), source: "journal 7", want: []string{soma + " ok", fin + " ok"}, file: "ok", inSync: true,
		},
		{
			name: "live drift", files: map[string]string{dropIn: file, "proc/sys/net/core/somaxconn": "128\n", "proc/sys/net/ipv4/tcp_fin_timeout": "31\n"},
			source: "drop-in", want: []string{soma + " drift the live value is another one", fin + " drift the live value is another one"}, file: "ok",
		},
		{
			name: "shadowed under both", files: map[string]string{dropIn: file, "etc/sysctl.d/99-x.conf": "# x\n" + fin + " = 60\n"},
			source: "drop-in", want: []string{soma + " ok", fin + " shadowed /etc/sysctl.d/99-x.conf:2 says 60 (systemd)"}, file: "ok",
		},
		{
			name: "shadowed under one", files: map[string]string{dropIn: file, "etc/sysctl.conf": fin + " = 60\n"},
			source: "drop-in", want: []string{soma + " ok", fin + " shadowed /etc/sysctl.conf:1 says 60 (procps)"}, file: "ok",
		},
		{
			name: "another file that says the same", files: map[string]string{dropIn: file, "etc/sysctl.d/99-x.conf": fin + " = 30\n"},
			source: "drop-in", want: []string{soma + " ok", fin + " ok"}, file: "ok", inSync: true,
		},
		{
			name: "the drop-in is gone", entry: entry(here, ModeBoth, PhaseApplied), source: "journal 7",
			want: []string{soma + " drift no file sets it (systemd)", fin + " drift no file sets it (systemd)"}, file: "it is not what entry 7 left",
		},
		{
			name: "the drop-in was edited", files: map[string]string{dropIn: strings.Replace(file, "= 30", "= 40", 1)},
			entry: entry(here, ModeBoth, PhaseApplied), source: "journal 7",
			want: []string{soma + " ok", fin + " drift /etc/sysctl.d/90-tcptune.conf:12 says 40 (systemd)"}, file: "it is not what entry 7 left",
		},
		{
			name: "somebody else's file", files: map[string]string{dropIn: fin + " = 1\n"},
			file: "parse drop-in: it was not written by tcptune",
		},
		{
			name: "of another boot", files: map[string]string{dropIn: file}, entry: entry(Host{BootID: "a", Netns: "net:[1]"}, ModeBoth, PhaseApplied),
			source: "drop-in", want: []string{soma + " ok", fin + " ok"}, file: "ok", inSync: true, refused: "entry 7 of the journal is of another boot",
		},
		{
			name: "of another network namespace, and there are no files in this one", files: map[string]string{dropIn: file},
			host:  &Host{BootID: "b", Netns: "net:[2]", Initial: &no},
			entry: entry(here, ModeBoth, PhaseApplied), refused: "entry 7 of the journal is of another network namespace",
		},
		{
			name: "live values only", entry: entry(here, ModeRuntime, PhaseApplied), source: "journal 7",
			want: []string{soma + " ok", fin + " ok"}, inSync: true,
		},
		{
			name: "a trial", entry: entry(here, ModeBoth, PhaseTrial), source: "journal 7",
			want: []string{soma + " ok", fin + " ok"}, inSync: true,
		},
		{
			name: "the file only", files: map[string]string{dropIn: file, "proc/sys/net/ipv4/tcp_fin_timeout": "60\n"},
			entry: entry(here, ModePersist, PhaseApplied), source: "journal 7",
			want: []string{soma + " ok", fin + " ok"}, file: "ok", inSync: true,
		},
		{
			name: "a profile: pending, unsupported and unread keys", files: map[string]string{
				"etc/sysctl.d/50-a.conf":            module + " = 5\n" + absent + " = 1\n" + fin + " = 30\nnet.ipv4.dir = 1\n",
				"proc/sys/net/ipv4/dir/placeholder": "",
			},
			profile: []Wanted{
				{Key: sysctl.MustKey(module), Value: "5", Bound: Exactly}, {Key: sysctl.MustKey(absent), Value: "1", Bound: Exactly},
				{Key: sysctl.MustKey(fin), Value: "40", Bound: AtMost}, {Key: sysctl.MustKey("net.ipv4.dir"), Value: "1"},
			},
			source: "profile web",
			want: []string{module + " pending the kernel module nf_conntrack is not loaded", absent + " unsupported there is no such key here",
				fin + " ok", "net.ipv4.dir unread open net.ipv4.dir: is a directory"},
			file: "ok", inSync: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"proc/sys/net/ipv4/tcp_fin_timeout": "30\n", "proc/sys/net/core/somaxconn": "4096\n"}
			for name, content := range tt.files {
				files[name] = content
			}
			root := writeTree(t, files)
			host := Host{BootID: "b", Netns: "net:[1]", Initial: &yes}
			if tt.host != nil {
				host = *tt.host
			}
			s, err := ReadSituation(NewPaths(root, ""), host, filepath.Join(root, "proc/sys"), sysctl.LoadCatalogue(), tt.entry)
			if err != nil {
				t.Fatal(err)
			}
			in := VerifyInput{Situation: s, Wanted: tt.profile}
			if tt.profile != nil {
				in.Profile = "web"
			}
			v := Verify(in)
			var got []string
			for _, k := range v.Keys {
				got = append(got, strings.TrimSpace(fmt.Sprint(k.Key, " ", k.Status, " ", k.Detail)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			file := ""
			if v.File != nil {
				file = "ok"
				if len(v.File.Problems) > 0 {
					file = v.File.Problems[0].Reason
				}
			}
			if source := strings.TrimSpace(v.Source + " " + v.Name); source != tt.source || file != tt.file || v.InSync() != tt.inSync || v.Refused != tt.refused {
				t.Errorf("want %q, %q, %v, %q; got %q, %q, %v, %q", tt.source, tt.file, tt.inSync, tt.refused, source, file, v.InSync(), v.Refused)
			}
		})
	}
}

// Where neither live values nor files are judged, nothing is as wanted: outside the
// initial network namespace there are no files to judge, and --boot leaves out the rest.
func TestVerifyJudgesNothing(t *testing.T) {
	no := false
	root := writeTree(t, map[string]string{"proc/sys/net/core/somaxconn": "4096\n"})
	host := Host{BootID: "b", Netns: "net:[2]", Initial: &no}
	s, err := ReadSituation(NewPaths(root, ""), host, filepath.Join(root, "proc/sys"), sysctl.LoadCatalogue(), nil)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []Wanted{{Key: sysctl.MustKey("net.core.somaxconn"), Value: "4096", Bound: AtLeast}}
	v := Verify(VerifyInput{Situation: s, Profile: "server", Wanted: wanted, BootOnly: true})
	if v.Judged() || v.Keys[0].Status != VerifiedUnread {
		t.Errorf("unexpected %+v", v.Keys)
	}
	if v = Verify(VerifyInput{Situation: s, Profile: "server", Wanted: wanted}); !v.Judged() || !v.InSync() || len(v.Notes) != 1 {
		t.Errorf("unexpected %+v", v)
	}
}
