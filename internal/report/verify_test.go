// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

func TestVerifyText(t *testing.T) {
	value := func(text string) *sysctl.Value { v := sysctl.Value(text); return &v }
	good := change.Verified{Key: sysctl.MustKey("net.core.somaxconn"), Wanted: "4096", Bound: change.AtLeast, Live: value("4096"), Status: change.VerifiedOK}
	tests := []struct {
		name string
		in   change.Verification
		want string
	}{
		{"nothing", change.Verification{Refused: "entry 3 of the journal is of another boot"},
			"note: entry 3 of the journal is of another boot: it is not what is\n  verified\nnothing to verify: no settings of tcptune were found here\n"},
		{"in sync", change.Verification{Source: "journal", Name: "3", Keys: []change.Verified{good}, File: &change.Written{Present: true, AsWritten: true}},
			"1 of 1 key as wanted by entry 3 of the journal\n"},
		{"all kinds", change.Verification{
			Source: "drop-in",
			Keys: []change.Verified{good,
				{Key: sysctl.MustKey("net.ipv4.tcp_fin_timeout"), Wanted: "30", Bound: change.AtMost, Live: value("60"), Status: change.VerifiedDrift,
					Detail: "the live value is another one", Owner: "tuned",
					Boot: []change.BootValue{{Loader: sysctl.Systemd, Value: value("30"), File: "/etc/sysctl.d/90-tcptune.conf", Line: 12}, {Loader: sysctl.Procps}}},
				{Key: sysctl.MustKey("net.netfilter.nf_conntrack_max"), Wanted: "5", Bound: change.Exactly, Status: change.VerifiedPending, Detail: "the kernel module nf_conntrack is not loaded"},
			},
			File:   &change.Written{Path: "/etc/sysctl.d/90-tcptune.conf", Present: true, Problems: []change.FileProblem{{Line: 3, Text: "x\x1b[2J", Reason: "tcptune did not write this line"}}},
			Owners: []change.Owner{{Name: "tuned", Text: "tuned sets these keys", File: "/etc/tuned/active_profile"}},
			Notes:  []string{"a note"},
		}, `drift  net.ipv4.tcp_fin_timeout
    wanted at most 30, live 60: the live value is another one; tuned
    writes this key too
    at boot under systemd: 30 (/etc/sysctl.d/90-tcptune.conf:12)
    at boot under procps: none
pending  net.netfilter.nf_conntrack_max
    wanted 5, live none: the kernel module nf_conntrack is not loaded
/etc/sysctl.d/90-tcptune.conf:3: tcptune did not write this line
  | x\x1b[2J
tuned sets these keys (/etc/tuned/active_profile)
note: a note
1 of 3 keys as wanted by the drop-in; 1 drift, 1 pending; the
  drop-in was edited or is gone
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := NewVerify(&tt.in, "tcptune test").WriteText(&b, Style{Width: 70}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistoryText(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end := start.Add(1500 * time.Millisecond)
	content := "x\n"
	h := NewHistory([]change.Entry{
		{ID: 1, Kind: change.KindApply, Phase: change.PhaseApplied, Started: start, Ended: &end, Tool: "tcptune 1", Host: change.Host{Hostname: "h", Kernel: "6.18"},
			Mode: change.ModeBoth, Summary: "--set net.core.somaxconn=8192",
			Changes: []change.Change{{Key: sysctl.MustKey("net.core.somaxconn"), Before: "4096", After: "8192"}},
			File:    &change.FileChange{Path: "/etc/sysctl.d/90-tcptune.conf", After: &content}},
		{ID: 2, Kind: change.KindRollback, Phase: change.PhasePartial, Started: start, Mode: change.ModeRuntime, Undoes: []int{1}, Failure: "write it", Left: []string{"net.x is 5"}},
	}, "tcptune test")
	var list, all strings.Builder
	if err := h.WriteText(&list, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteEntries(&all, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	wantList := `   2  2026-01-02 03:04:05 UTC  partial
      rollback: 0 live values
   1  2026-01-02 03:04:05 UTC  applied
      apply --set net.core.somaxconn=8192: 1 live value,
        /etc/sysctl.d/90-tcptune.conf
`
	wantAll := `   2  2026-01-02 03:04:05 UTC  partial
      rollback: 0 live values
changes     live values only
undid       1
failure     write it
left        net.x is 5

   1  2026-01-02 03:04:05 UTC  applied
      apply --set net.core.somaxconn=8192: 1 live value,
        /etc/sysctl.d/90-tcptune.conf
by          tcptune 1
host        h 6.18
changes     live values and the drop-in
took        1.5s
  net.core.somaxconn 4096 -> 8192
  /etc/sysctl.d/90-tcptune.conf no file -> 2 bytes
`
	if diff := cmp.Diff(wantList, list.String()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantAll, all.String()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
