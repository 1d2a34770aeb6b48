// SPDX-License-Identifier: Apache-2.0

package change

import (
	"os"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
