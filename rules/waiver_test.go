// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var knownRules = []string{"rst-on-close", "close-wait-leak"}

func TestParseWaivers(t *testing.T) {
	got, err := ParseWaivers("w.yaml", []byte(`# who agreed to what
waivers:
  - rule: rst-on-close
    subject: "haproxy[*]"
    reason: health checks reset on purpose
    expires: 2030-06-30
  - {rule: close-wait-leak, reason: "fixed in release 7, see OPS-12", expires: "2027-01-01"}
`), knownRules)
	if err != nil {
		t.Fatal(err)
	}
	want := []Waiver{
		{Rule: "rst-on-close", Subject: "haproxy[*]", Reason: "health checks reset on purpose", Expires: "2030-06-30", Address: "w.yaml:3"},
		{Rule: "close-wait-leak", Reason: "fixed in release 7, see OPS-12", Expires: "2027-01-01", Address: "w.yaml:7"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Waiver{})); diff != "" {
		t.Errorf("waivers (-want +got):\n%s", diff)
	}
}

func TestParseWaiversProblems(t *testing.T) {
	const sound = "rule: rst-on-close, reason: r, expires: 2030-01-01"
	tests := []struct{ name, text, want string }{
		{"empty", "", "w.yaml: the file is empty"},
		{"no list", "waivers: yes", `w.yaml:1:10: waivers must be a list, it is "yes"`},
		{"lacks all", "waivers: [{}]", `w.yaml:1:11: a waiver lacks the field "rule"` + "\n" +
			`w.yaml:1:11: a waiver lacks the field "reason"` + "\n" + `w.yaml:1:11: a waiver lacks the field "expires"`},
		{"unknown rule", "waivers: [{rule: rst-on-clos, reason: r, expires: 2030-01-01}]",
			`w.yaml:1:18: no rule is named "rst-on-clos"; did you mean "rst-on-close"?`},
		{"unknown field", "waivers: [{" + sound + ", until: 1}]", `w.yaml:1:64: unknown field "until" of a waiver`},
		{"no day", "waivers: [{rule: rst-on-close, reason: r, expires: never}]",
			`w.yaml:1:52: expires "never" is not a day such as 2030-12-31`},
		{"no such day", "waivers: [{rule: rst-on-close, reason: r, expires: 2030-02-30}]",
			`w.yaml:1:52: expires "2030-02-30" is not a day such as 2030-12-31`},
		{"twice", "waivers:\n- {" + sound + "}\n- {" + sound + "}", "w.yaml:3:3: rst-on-close is waived twice for the same subject"},
		{"empty reason", "waivers: [{rule: rst-on-close, reason: '', expires: 2030-01-01}]", "w.yaml:1:40: reason is empty"},
		{"too large", "waivers: [] #" + strings.Repeat("x", 64<<10), "w.yaml: the file is larger than 64 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := ParseWaivers("w.yaml", []byte(tt.text), knownRules)
			if err == nil || list != nil {
				t.Fatalf("waivers %v, error %v", list, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadWaivers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waivers.yaml")
	if _, err := loadWaivers(file, knownRules, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(file, []byte("waivers: []"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := loadWaivers(file, knownRules, 0); err == nil || !strings.Contains(err.Error(), "waivers that root uses must be owned by root") {
		t.Errorf("a file that others may write: %v", err)
	}
	if list, err := loadWaivers(file, knownRules, anyone); err != nil || len(list) != 0 {
		t.Errorf("waivers %v, error %v", list, err)
	}
}

func day(text string) time.Time {
	d, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return d
}

func TestWaive(t *testing.T) {
	parse := func(t *testing.T, entries ...string) []Waiver {
		t.Helper()
		list, err := ParseWaivers("w.yaml", []byte("waivers:\n- {"+strings.Join(entries, "}\n- {")+"}\n"), knownRules)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	findings := []Finding{
		{Rule: "close-wait-leak", Subject: "api[7]"},
		{Rule: "rst-on-close", Subject: "haproxy[12]"},
		{Rule: "rst-on-close", Subject: "nginx[3]", More: 4},
	}
	const noon = "2030-06-30 12:00:00"
	tests := []struct {
		name   string
		waiver string
		now    string
		waived []string
	}{
		{"rule", "rule: rst-on-close, reason: r, expires: 2030-06-30", noon, []string{"haproxy[12]", "nginx[3]"}},
		{"last second", "rule: rst-on-close, reason: r, expires: 2030-06-30", "2030-06-30 23:59:59", []string{"haproxy[12]", "nginx[3]"}},
		{"next day", "rule: rst-on-close, reason: r, expires: 2030-06-30", "2030-07-01 00:00:00", nil},
		{"subject", "rule: rst-on-close, subject: 'haproxy[12]', reason: r, expires: 2030-06-30", noon, []string{"haproxy[12]"}},
		{"pattern", "rule: rst-on-close, subject: 'h*[*]', reason: r, expires: 2030-06-30", noon, []string{"haproxy[12]"}},
		{"brackets are no class", "rule: rst-on-close, subject: 'haproxy[1-9]', reason: r, expires: 2030-06-30", noon, nil},
		{"whole subject", "rule: rst-on-close, subject: 'haproxy', reason: r, expires: 2030-06-30", noon, nil},
		// Nobody has looked at the four findings that were left out.
		{"more", "rule: rst-on-close, subject: 'nginx*', reason: r, expires: 2030-06-30", noon, nil},
		{"other rule", "rule: close-wait-leak, subject: '*', reason: r, expires: 2030-06-30", noon, []string{"api[7]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept, waived := Waive(findings, parse(t, tt.waiver), day(tt.now))
			var subjects []string
			for _, w := range waived {
				subjects = append(subjects, w.Finding.Subject)
				if w.Waiver.Reason != "r" {
					t.Errorf("%s was waived for %q", w.Finding.Subject, w.Waiver.Reason)
				}
			}
			if diff := cmp.Diff(tt.waived, subjects); diff != "" {
				t.Errorf("waived (-want +got):\n%s", diff)
			}
			if len(kept)+len(waived) != len(findings) {
				t.Errorf("%d kept, %d waived of %d", len(kept), len(waived), len(findings))
			}
		})
	}
}

func TestExpiredWaivers(t *testing.T) {
	list, err := ParseWaivers("/etc/tcptune/waivers.yaml", []byte(
		"waivers:\n- {rule: rst-on-close, reason: a, expires: 2030-01-01}\n- {rule: close-wait-leak, subject: x, reason: b, expires: 2029-12-31}\n"), knownRules)
	if err != nil {
		t.Fatal(err)
	}
	if got := ExpiredWaivers(list, day("2029-12-31 23:00:00")); len(got) != 0 {
		t.Errorf("expired on the last day: %v", got)
	}
	got := ExpiredWaivers(list, day("2030-01-01 00:00:00"))
	if len(got) != 1 || got[0].Subject != "/etc/tcptune/waivers.yaml:3" || got[0].Severity != Notice || got[0].Verdict != VerdictConfigFile {
		t.Errorf("expired on the day after: %+v", got)
	}
}

func FuzzParseWaivers(f *testing.F) {
	f.Add([]byte("waivers:\n- {rule: rst-on-close, subject: 'a*', reason: r, expires: 2030-01-01}\n"))
	f.Add([]byte("waivers: [{}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseWaivers("w.yaml", data, knownRules)
		if err != nil && list != nil {
			t.Errorf("waivers beside the error %v", err)
		}
		now := day("2030-01-01 00:00:00")
		kept, waived := Waive([]Finding{{Rule: "rst-on-close", Subject: "a\n"}}, list, now)
		if len(kept)+len(waived) != 1 {
			t.Errorf("%d kept, %d waived", len(kept), len(waived))
		}
	})
}
