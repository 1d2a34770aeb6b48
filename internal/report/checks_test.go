// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// checkOf is the check of a namespace with some findings.
func checkOf(name string, findings ...rules.Finding) *Check {
	c := &Check{
		Tool: "tcptune test", States: map[string]*int64{}, Findings: findings, Passed: []string{}, Skipped: []rules.Skipped{}, Waived: []rules.Waived{},
		Collection: Collection{Complete: true, Gaps: []snapshot.Gap{}},
	}
	seconds := 10.0
	c.Window.Seconds = &seconds
	c.Host = Host{Hostname: "node1", Kernel: "6.18.44", Netns: "net:[1]"}
	c.Host.Namespace = &netns.Label{Name: name, Kind: netns.KindProcess, PID: 7, Command: "nginx", Processes: 2, Enter: "nsenter --target 7 --net"}
	for _, state := range stateOrder {
		var n int64
		c.States[state] = &n
	}
	c.Summary.Judged = 3
	c.countFindings()
	return c
}

func findingOf(rule, scope, subject string, severity rules.Severity) rules.Finding {
	return rules.Finding{Rule: rule, Scope: scope, Subject: subject, Severity: severity, Confidence: "high", Verdict: rules.VerdictOperator, Title: "Title of " + rule, Why: "Because."}
}

// townChecks are those of four namespaces, one of them quiet.
func townChecks() *Checks {
	skipped := rules.Skipped{Rule: "neigh", Category: "softnet", Missing: []string{"neighbours"}}
	core := rules.Skipped{Rule: "syn", Category: "syn", Missing: []string{"sockets.syn_recv"}}
	host := checkOf("host", findingOf("orphans", "host", "", rules.Notice), findingOf("file", "host", "a:1", rules.Warning))
	host.Passed = []string{"neigh"}
	host.Host.Namespace.Kind, host.Host.Namespace.Enter = netns.KindHost, ""
	web := checkOf("web", findingOf("queue", "netns", ":80", rules.Critical), findingOf("orphans", "host", "", rules.Warning))
	web.Skipped = []rules.Skipped{skipped, core}
	web.Summary.Skipped = 2
	web.Waived = []rules.Waived{
		{Finding: findingOf("old", "host", "", rules.Notice)}, {Finding: findingOf("leak", "process", "x[1]", rules.Notice)},
	}
	db := checkOf("db", findingOf("queue", "netns", ":5432", rules.Warning), findingOf("file", "host", "a:1", rules.Warning), findingOf("file", "host", "b:1", rules.Info))
	db.Waived = []rules.Waived{{Finding: findingOf("old", "host", "", rules.Notice)}}
	quiet := checkOf("quiet", findingOf("myth", "netns", "", rules.Info))
	quiet.Skipped = []rules.Skipped{core}
	quiet.Collection.Gaps = []snapshot.Gap{{Source: "TCP sockets", Reason: "not walked"}}
	missed := []NotExamined{{netns.Label{Name: "late"}, "the time was up before its turn came"}}
	return NewChecks([]*Check{host, web, db, quiet}, missed, 2, func(rule string) bool { return rule == "neigh" })
}

func names(list []rules.Finding) (names []string) {
	for _, f := range list {
		names = append(names, f.Rule+" "+f.Subject+" "+string(f.Severity))
	}
	return names
}

// TestNewChecks: what is about the machine is told once, with the severest
// word; the rest stays where it was found.
func TestNewChecks(t *testing.T) {
	c := townChecks()
	if diff := cmp.Diff([]string{"orphans  warning", "file a:1 warning", "file b:1 info"}, names(c.Findings)); diff != "" {
		t.Errorf("findings about the machine (-want +got)\n%s", diff)
	}
	want := [][]string{nil, {"queue :80 critical"}, {"queue :5432 warning"}, {"myth  info"}}
	for i, check := range c.Namespaces {
		if diff := cmp.Diff(want[i], names(check.Findings)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", check.Host.Namespace.Name, diff)
		}
	}
	if diff := cmp.Diff(NamespaceSummary{Critical: 1, Warning: 3, Info: 2, Waived: 2, Namespaces: 5, Quiet: 2, NotExamined: 1}, c.Summary); diff != "" {
		t.Errorf("summary (-want +got)\n%s", diff)
	}
	web := c.Namespaces[1]
	if len(web.Skipped) != 1 || web.Skipped[0].Rule != "syn" || web.Summary.Skipped != 1 || web.Summary.Critical != 1 || web.Summary.Warning != 0 || web.Summary.Waived != 1 {
		t.Errorf("web: skipped %+v, summary %+v", web.Skipped, web.Summary)
	}
	if c.Complete || c.Host.Namespace != nil || c.Host.Netns != "" || c.Host.Hostname != "node1" {
		t.Errorf("complete %v, host %+v", c.Complete, c.Host)
	}
	if n := c.AtLeast(rules.Warning); n != 4 {
		t.Errorf("%d findings of warning or above, want 4", n)
	}
	if !c.Judged() || c.AllJudged() {
		t.Errorf("judged %v, all %v", c.Judged(), c.AllJudged())
	}
}

func TestChecksText(t *testing.T) {
	golden(t, "checks", townChecks())
}

// TestChecksTextClean: only where everything was examined and judged is there
// no problem.
func TestChecksTextClean(t *testing.T) {
	clean := func() []*Check { return []*Check{checkOf("host"), checkOf("web")} }
	none := func(string) bool { return false }
	partial := clean()
	partial[1].Collection.Complete = false
	for _, test := range []struct {
		name   string
		checks *Checks
		want   string
	}{
		{"clean", NewChecks(clean(), nil, 0, none), "no problem found, nothing to tune: 2 namespaces are quiet"},
		{"hidden", NewChecks(clean(), nil, 1, none), "nothing found, but this is no clean bill of health; 2 namespaces are quiet"},
		{"partial", NewChecks(partial, nil, 0, none), "nothing found, but this is no clean bill of health; 2 namespaces are quiet"},
		{"none", NewChecks(nil, []NotExamined{{}}, 0, none), "nothing found, but this is no clean bill of health; 0 namespaces are quiet"},
	} {
		var b strings.Builder
		if err := test.checks.WriteText(&b, Style{Width: 100}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(b.String(), test.want+"\n") {
			t.Errorf("%s: the report does not say %q:\n%s", test.name, test.want, b.String())
		}
	}
}
