// SPDX-License-Identifier: Apache-2.0

package change

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// TestMain also plays the watchdog of TestTrialOnTheKernel, whose arguments are
// GuardCommand, the root and the id of the entry.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == GuardCommand {
		if err := guardForTest(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(lab.Main(m))
}

func guardForTest(root, id string) error {
	n, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	m, err := trialMachine(root)
	if err != nil {
		return err
	}
	_, err = m.Guard(n)
	return err
}
