// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/tcptune/tcptune/sysctl"

// Kernel is the running kernel.
type Kernel struct {
	Release string  `cel:"release" doc:"uname -r"`
	Machine *string `cel:"machine" doc:"uname -m: x86_64, aarch64"`
}

// AtLeast reports whether the release is version ("5.4", "6.14") or newer.
// Only the leading numbers are compared, so vendor suffixes do not matter;
// vendor kernels carry backports, so a rule should test for the key first.
// The second result is false when either of the two is not a version.
func (k *Kernel) AtLeast(version string) (atLeast, known bool) {
	have, ok := sysctl.ParseRelease(k.Release)
	want, ok2 := sysctl.ParseRelease(version)
	if !ok || !ok2 {
		return false, false
	}
	return have.AtLeast(want), true
}
