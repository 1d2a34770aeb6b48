// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReport reads what a test binary writes.
func TestReport(t *testing.T) {
	jobs := []job{{Package: "internal/a"}, {Package: "internal/b", Row: "a row"}, {Package: "internal/c", Pattern: "^None$"}}
	for _, tt := range []struct {
		name   string
		events []event
		want   string
		bad    bool
	}{
		{"all is well", []event{
			{Output: "=== RUN   TestA"},
			{Output: "    a_test.go:7: isolated:"},
			{Output: "        --- FAIL: TestA (0.10s)"}, // an isolated test's own line
			{Output: "--- PASS: TestA (0.12s)"},
			{Output: "    --- PASS: TestA/row (0.10s)"},
			{Output: "        --- PASS: TestA/row/deeper (0.05s)"},
			{Output: "=== RUN   TestSkip"},
			{Output: "    a_test.go:9: no ss here"},
			{Output: "--- SKIP: TestSkip (0.00s)"},
			{Output: "    lab_test.go:9: not here: some-rule/in a way: it needs Linux 7.0"},
			{Ended: succeeded},
			{Job: 1, Output: "    lab_test.go:9: not here: other-rule: a row was asked for by name"},
			{Job: 1, Output: "--- PASS: TestB (3.00s)"},
			{Job: 1, Ended: succeeded},
			{Job: 2, Output: "--- PASS: TestC (0.00s)"},
			{Job: 2, Ended: succeeded},
		}, `6.1   ok   internal/a TestA (0.12 s)
6.1   ok   internal/a TestA/row (0.10 s)
6.1   skip internal/a TestSkip: no ss here (0.00 s)
6.1   skip internal/a TestLab/some-rule/in_a_way: it needs Linux 7.0
6.1   ok   internal/b TestB: a row (3.00 s)
6.1   ok   internal/c TestC (0.00 s)
`, false},
		{"a failure", []event{
			{Output: "    a_test.go:7: no"},
			{Output: "--- FAIL: TestA (0.10s)"},
			{Ended: "exit status 1"},
			{Job: 1, Output: "--- PASS: TestB (3.00s)"},
			{Job: 1, Ended: succeeded},
			{Job: 2, Output: "--- PASS: TestC (0.00s)"},
			{Job: 2, Ended: succeeded},
		}, `6.1   FAIL internal/a TestA (0.10 s)
6.1   FAIL internal/a: exit status 1
    a_test.go:7: no
--- FAIL: TestA (0.10s)
6.1   ok   internal/b TestB: a row (3.00 s)
6.1   ok   internal/c TestC (0.00 s)
`, true},
		{"a second attempt", []event{
			{Output: "    a_test.go:7: no"},
			{Output: "--- FAIL: TestA (0.10s)"},
			{Output: "    --- FAIL: TestA/x (0.10s)"},
			{Again: []string{"TestA/x"}},
			{Output: "--- PASS: TestA (0.20s)"},
			{Output: "    --- PASS: TestA/x (0.20s)"},
			{Ended: succeeded},
			{Job: 1, Output: "--- FAIL: TestB (3.00s)"},
			{Job: 1, Again: []string{"TestB"}},
			{Job: 1, Output: "    b_test.go:8: still no"},
			{Job: 1, Output: "--- FAIL: TestB (3.50s)"},
			{Job: 1, Ended: testsFailed},
			{Job: 2, Output: "--- PASS: TestC (0.00s)"},
			{Job: 2, Ended: succeeded},
		}, `6.1   FAIL internal/a TestA (0.10 s)
6.1   FAIL internal/a TestA/x (0.10 s)
6.1   again internal/a TestA/x
6.1   ok   internal/a TestA (0.20 s), second attempt
6.1   ok   internal/a TestA/x (0.20 s), second attempt
6.1   FAIL internal/b TestB: a row (3.00 s)
6.1   again internal/b TestB
6.1   FAIL internal/b TestB: a row (3.50 s), second attempt
6.1   FAIL internal/b: exit status 1
    b_test.go:8: still no
--- FAIL: TestB (3.50s)
6.1   ok   internal/c TestC (0.00 s)
`, true},
		{"nothing ran, and one did not begin", []event{
			{Output: "testing: warning: no tests to run"},
			{Ended: succeeded},
			{Job: 1, Output: "panic"},
			{Job: 1, Ended: "exit status 2"},
		}, `6.1   FAIL internal/a: nothing passed of 
6.1   FAIL internal/b: exit status 2
panic
`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			r := report{series: "6.1", jobs: jobs, out: &out, all: io.Discard}
			for _, e := range tt.events {
				r.add(e)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if err := r.verdict(); (err != nil) != tt.bad {
				t.Errorf("verdict %v", err)
			}
		})
	}
}

// TestFailures names the tests for a second attempt.
func TestFailures(t *testing.T) {
	f := failures{}
	for _, line := range []string{
		"--- PASS: TestA (0.10s)", "--- FAIL: TestB (0.10s)", "--- FAIL: TestLab (9.00s)", "    --- PASS: TestLab/well (1.00s)",
		"    --- FAIL: TestLab/ill+ (1.00s)", "        --- FAIL: TestLab/ill+/variant (1.00s)", "    --- FAIL: TestLab/worse (1.00s)",
		"        --- FAIL: TestC (0.10s)", "    --- SKIP: TestLab/skipped (0.00s)",
	} {
		f.read(line)
	}
	want := []string{"TestB", "TestLab/ill+", "TestLab/worse"}
	if diff := cmp.Diff(want, f.list()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got, want := pattern(f.list()), `^TestB$|^TestLab$/^ill\+$|^TestLab$/^worse$`; got != want {
		t.Errorf("pattern %s, want %s", got, want)
	}
}

// TestAllJobs finds the kernel-facing tests of this repository.
func TestAllJobs(t *testing.T) {
	jobs, err := allJobs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for i, j := range jobs {
		if j.Package == "packaging" || strings.Contains(j.Pattern, "TestMain") {
			t.Errorf("job %+v", j)
		}
		if guest := strings.Contains(j.Pattern, "TestGuest"); guest != (i == 0) {
			t.Errorf("job %d is %+v: guest tests come first and alone", i, j)
		}
		found[j.Package] += j.Pattern
	}
	for dir, test := range map[string]string{
		"cmd/tcptune": "TestGuestFresh", "internal/sockdiag": "TestKernelScene", "internal/snapshot": "TestLive",
		"internal/lab": "TestCloseWait", "internal/change": "TestKernelApply", "sysctl": "Test",
	} {
		if !strings.Contains(found[dir], test) {
			t.Errorf("%s lacks %s: %s", dir, test, found[dir])
		}
	}
}

// TestRows holds the rows to tests that exist.
func TestRows(t *testing.T) {
	jobs, err := allJobs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list := rows()
	if len(list) < 10 || len(list) > 12 {
		t.Errorf("%d rows; CI has time for 10 to 12", len(list))
	}
	for _, r := range list {
		name, _, _ := strings.Cut(strings.Trim(r.Pattern, "^$"), "$/")
		exists := false
		for _, j := range jobs {
			exists = exists || j.Package == r.Package && strings.Contains("|"+strings.Trim(j.Pattern, "^()$")+"|", "|"+name+"|")
		}
		if !exists || r.Row == "" {
			t.Errorf("row %+v: no such test, or nothing said", r)
		}
	}
}

// TestCPIO unpacks an archive with a program that reads them.
func TestCPIO(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox here to unpack with")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := createCPIO(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	archive.text("etc/deep/file", "odd")
	archive.link("bin", "usr/bin")
	archive.copy("usr/bin/script", script)
	archive.copy("usr/bin/script", "/does/not/matter") // the first wins
	archive.dir("tmp")
	if err := archive.close(); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	root := t.TempDir()
	cmd := exec.Command(busybox, "cpio", "-i")
	cmd.Dir, cmd.Stdin = root, input
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	for path, want := range map[string]string{"etc/deep/file": "odd", "bin/script": "#!/bin/sh\n"} {
		if got, err := os.ReadFile(filepath.Join(root, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]os.FileMode{"usr/bin/script": 0o755, "etc/deep/file": 0o644, "tmp": os.ModeDir | os.ModeSticky | 0o777} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := func() error {
		bad, err := createCPIO(filepath.Join(dir, "bad"))
		if err != nil {
			return err
		}
		bad.copy("file", filepath.Join(dir, "missing"))
		return bad.close()
	}(); err == nil {
		t.Error("an archive of a missing file was written")
	}
}

// TestPatterns reads the names of Debian's packages.
func TestPatterns(t *testing.T) {
	for name, want := range map[string][]string{
		"linux-image-6.1.0-56-cloud-amd64":                {"6.1", "56"},
		"linux-image-6.12.117+deb12-cloud-amd64":          {"6.12", "117"},
		"linux-image-6.12.48+deb13-cloud-amd64":           {"6.12", "48"},
		"linux-image-6.12.117+deb12-cloud-amd64-dbg":      nil,
		"linux-image-6.12.117+deb12-cloud-amd64-unsigned": nil,
		"linux-image-6.1.0-56-amd64":                      nil,
		"linux-image-6.12-cloud-amd64":                    nil,
		"linux-image-6.16.3+deb13-cloud-amd64":            nil,
	} {
		var got []string
		for _, pattern := range series() {
			if m := pattern.FindStringSubmatch(name); m != nil {
				got = append(got, m[1:]...)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRecord keeps the last line about each test.
func TestRecord(t *testing.T) {
	r := &record{}
	r.read(`6.1   linux-image-6.1.0-56-cloud-amd64 6.1.192-2
6.1   ok   internal/b TestB (1.00 s), abc
6.1   FAIL cmd/a TestA (1.00 s), abc
6.1   ok   cmd/a TestLab/x (1.00 s), abc
6.1   skip cmd/a TestLab/y: this kernel has no z, abc
6.1   FAIL cmd/a: signal: killed, abc
6.1   FAIL internal/b: signal: killed, abc
`, "")
	r.read(`6.12  linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1
6.1   linux-image-6.1.0-57-cloud-amd64 6.1.193-1
6.1   FAIL cmd/a TestLab (9.00 s)
6.1   FAIL cmd/a TestLab/x (9.00 s)
6.12  ok   cmd/a TestA: a row (9.00 s)
6.1   again cmd/a TestA TestLab/x
6.1   ok   cmd/a TestA: a row (2.00 s), second attempt
6.1   FAIL cmd/a: exit status 2
panic: no result of a test
`, ", def")
	want := `6.1   linux-image-6.1.0-57-cloud-amd64 6.1.193-1
6.1   ok   cmd/a TestA: a row (2.00 s), second attempt, def
6.1   FAIL cmd/a TestLab/x (9.00 s), def
6.1   skip cmd/a TestLab/y: this kernel has no z, abc
6.1   FAIL cmd/a: exit status 2, def
6.1   ok   internal/b TestB (1.00 s), abc
6.1   FAIL internal/b: signal: killed, abc
6.12  linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1
6.12  ok   cmd/a TestA: a row (9.00 s), def
`
	if diff := cmp.Diff(want, r.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
