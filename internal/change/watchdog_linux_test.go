// SPDX-License-Identifier: Apache-2.0

package change

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTimerArgs(t *testing.T) {
	want := []string{"--unit=tcptune-revert-7", "--on-active=60s", "--timer-property=AccuracySec=1s", "/usr/bin/tcptune", "revert-trial", "7"}
	if diff := cmp.Diff(want, timerArgs("tcptune-revert-7", 60, "/usr/bin/tcptune", []string{GuardCommand, "7"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDetachedThatIsNoWatchdog(t *testing.T) {
	root := t.TempDir()
	writeProgram(t, root, "dies", "exit 1\n")
	writeProgram(t, root, "lies", "echo other >&3\n")
	for _, program := range []string{"dies", "lies", "is not there"} {
		how, err := Detached{Program: root + "/" + program}.Arm(&Entry{ID: 1, Trial: &Trial{Seconds: 1}})
		if err == nil || !strings.Contains(err.Error(), "start the watchdog") {
			t.Errorf("%s: %q, %v", program, how, err)
		}
	}
}
