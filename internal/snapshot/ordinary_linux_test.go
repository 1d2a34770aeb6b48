// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// envOrdinary makes the test binary collect the namespace that it stands in and
// write the window, for a process without privilege.
const envOrdinary = "TCPTUNE_SNAPSHOT_ORDINARY"

func TestMain(m *testing.M) {
	if os.Getenv(envOrdinary) != "" {
		os.Exit(writeWindow())
	}
	os.Exit(lab.Main(m))
}

func writeWindow() int {
	c, err := NewCollector(Options{})
	if err == nil {
		var w *Window
		if w, err = c.Window(context.Background(), nil); err == nil {
			err = w.Encode(os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// checkOrdinary collects as a user who may not look into the processes.
func checkOrdinary(t *testing.T) {
	if os.Geteuid() != 0 || !mapped(65534) {
		lab.Unavailable(t, "root", errors.New("no second user to be"))
	}
	// The test's own binary may lie in a directory that others cannot enter.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", 3))
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), envOrdinary+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	w, err := Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if w.To.Host.Privilege != "user" || w.To.Sockets.States["close_wait"] != 10 {
		t.Errorf("host %+v, states %v", w.To.Host, w.To.Sockets.States)
	}
	i := slices.Index(gapSources(w.To), "/proc/PID/fd")
	if i < 0 || !strings.Contains(w.To.Gaps[i].Reason, "processes of other users are hidden") || !strings.Contains(w.To.Gaps[i].Remedy, "root") {
		t.Errorf("gaps %+v", w.To.Gaps)
	}
	if len(w.To.Processes) != 0 || w.To.Sockets.Listeners[0].Owners != nil {
		t.Errorf("processes %+v", w.To.Processes)
	}
}

// mapped reports whether this user namespace has the user.
func mapped(uid int) bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	var inside, outside, count int
	_, err = fmt.Sscan(string(text), &inside, &outside, &count)
	return err == nil && uid >= inside && uid < inside+count
}
