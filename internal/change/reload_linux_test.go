// SPDX-License-Identifier: Apache-2.0

package change

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// TestReloadRealLoader lets the host's own loader load one file in a network namespace
// of the test, and no other file.
func TestReloadRealLoader(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.Self(t)
		host.Sysctl(t, "net.ipv4.tcp_fin_timeout", "60")
		host.Sysctl(t, "net.ipv4.tcp_keepalive_time", "7200")
		file := filepath.Join(t.TempDir(), "90-tcptune.conf")
		content := "net.ipv4.tcp_fin_timeout = 33\nnet.ipv4.tcp_no_such_key = 1\n"
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		reload, err := Reloader{Root: "/"}.Run(t.Context(), ReloadFile, file)
		if err != nil {
			lab.Unavailable(t, "loaders", err)
		}
		t.Logf("%v: status %d\n%s", reload.Command, reload.ExitStatus, reload.Output)
		tree, err := sysctl.NewTree("/proc/sys")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]sysctl.Value{"net.ipv4.tcp_fin_timeout": "33", "net.ipv4.tcp_keepalive_time": "7200"} {
			if got, err := tree.Get(sysctl.MustKey(name)); got != want || err != nil {
				t.Errorf("%s: want %s, got %s, %v", name, want, got, err)
			}
		}
	})
}
