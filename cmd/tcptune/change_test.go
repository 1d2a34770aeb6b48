// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

func TestChangeErrorStatus(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, exitOK},
		{"refused", fmt.Errorf("apply: %w", change.ErrRefused), exitFailed},
		{"any", errors.New("write"), exitFailed},
		{"busy", fmt.Errorf("apply: %w", change.ErrBusy), exitBusy},
		{"partial", &change.PartialError{Err: fs.ErrPermission}, exitPartial},
		{"permission", fmt.Errorf("apply: %w", &fs.PathError{Err: syscall.EACCES}), exitPermission},
		{"read-only", fmt.Errorf("apply: %w", &fs.PathError{Err: syscall.EROFS}), exitPermission},
		{"interrupted", fmt.Errorf("apply: %w", context.Canceled), exitInterrupted},
		{"known", usageError(errors.New("x"), ""), exitUsage},
	}
	for _, test := range tests {
		if got := statusOf(changeError(test.err)); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
}

// TestMistake lets the program itself fail: the status of a panic, 2, would say
// that something was changed.
func TestMistake(t *testing.T) {
	var talk bytes.Buffer
	broken := func() (status int) {
		defer func() { status = newUI(streams{err: &talk}).mistake(recover(), []byte("main.f()\n\tfile.go:1\n")) }()
		panic("out of range")
	}
	if got := broken(); got != exitFailed {
		t.Errorf("status %d, want %d", got, exitFailed)
	}
	want := "tcptune: error: internal mistake: out of range\nhint: please report it"
	if !strings.HasPrefix(talk.String(), want) || !strings.HasSuffix(talk.String(), "main.f()\n  file.go:1\n") {
		t.Errorf("standard error: %s", talk.String())
	}
}

func TestRecommendations(t *testing.T) {
	check := &report.Check{Findings: []rules.Finding{
		{Rule: "first", Title: "A title", Unless: []string{"a", "b"}, References: []string{"tcp7"}, Recommendations: []rules.Recommendation{
			{Kind: "action", Action: "restart it"},
			{Kind: "sysctl", Key: "net.core.somaxconn", Proposed: "4096", Risk: "low", Effect: "at once"},
			{Kind: "sysctl", Key: "fs.file-max", Proposed: "9", Risk: "low"},
		}},
		{Rule: "second", Title: "Another", Recommendations: []rules.Recommendation{
			{Kind: "sysctl", Key: "net.core.somaxconn", Proposed: "8192", Risk: "low"},
			{Kind: "sysctl", Key: "net.ipv4.ip_local_port_range", Proposed: "1024\t65000", Risk: "medium", Because: "it is\nnarrow"},
		}},
	}}
	var got []string
	wanted, notes := recommendations(check, false)
	for _, w := range wanted {
		got = append(got, fmt.Sprintf("%s = %s, %s, %s: %s", w.Key, w.Value, w.Risk, w.Origin, w.Reason))
	}
	want := []string{
		"net.core.somaxconn = 4096, low, rule first: A title",
		"net.ipv4.ip_local_port_range = 1024 65000, medium, rule second: it is narrow",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"left out: fs.file-max = 9 (rule first): it is outside net., and --allow-any is not there"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if all, _ := recommendations(check, true); len(all) != 3 {
		t.Errorf("%d settings with --allow-any, want 3", len(all))
	}
}

func TestAsk(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "yep\n": false} {
		var talk bytes.Buffer
		u := &ui{streams: streams{in: strings.NewReader(answer), err: &talk}}
		err := u.ask(context.Background(), "Apply this?")
		if (err == nil) != want || err != nil && statusOf(err) != exitFailed {
			t.Errorf("%q: %v", answer, err)
		}
	}
}
