// SPDX-License-Identifier: Apache-2.0

package main

// rows are what CI runs in each guest for every commit: one test each, of what
// depends on the kernel most.
func rows() []job {
	return []job{
		{"every state of a socket, by sock_diag and by /proc", "internal/sockdiag", "^TestKernelScene$"},
	}
}
