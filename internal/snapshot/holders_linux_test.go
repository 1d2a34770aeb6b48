// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// TestLiveHolders: each socket of a crowd is held by the process that the lab
// knows of.
func TestLiveHolders(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		crowd := lab.NewLoad(t, lab.Load{Established: 22_000, CloseWait: 40})
		leaky := crowd.Processes[len(crowd.Processes)-1]
		var all, some *holders
		w, every := make(wanted), make(wanted)
		for _, s := range crowd.Sockets(t) {
			if every[s.Inode] = true; s.State == lab.CloseWait {
				w[s.Inode] = true
			}
		}
		err := crowd.Do(func() (err error) {
			if all, err = findHolders(t.Context(), "/", every, holderBudget); err == nil {
				some, err = findHolders(t.Context(), "/", w, holderBudget)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range crowd.Sockets(t) {
			owners := all.byInode[s.Inode]
			if s.Inode != 0 && (len(owners) != 1 || !slices.ContainsFunc(crowd.Processes, func(p *lab.Process) bool { return p.PID == owners[0] })) {
				t.Fatalf("%v %s is held by %v", s.State, s.Local, owners)
			}
			if _, asked := w[s.Inode]; asked && (!slices.Equal(owners, []int{leaky.PID}) || !slices.Equal(some.byInode[s.Inode], owners)) {
				t.Fatalf("%v is held by %d, got %v, and %v when asked for", s, leaky.PID, owners, some.byInode[s.Inode])
			}
		}
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", leaky.PID))
		if err != nil || some.found[leaky.PID] != int64(len(fds)) || all.found[leaky.PID] != int64(len(fds)) {
			t.Errorf("descriptors of %d: want %d, got %d and %d, %v", leaky.PID, len(fds), all.found[leaky.PID], some.found[leaky.PID], err)
		}
	})
}

// TestSortNearFirst: processes of this network namespace come first.
func TestSortNearFirst(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		outside, inside := os.Getppid(), os.Getpid()
		pids := []int{outside, inside}
		if sortNearFirst("/", pids); !slices.Equal(pids, []int{inside, outside}) {
			t.Errorf("want %d before %d, got %v", inside, outside, pids)
		}
	})
}
