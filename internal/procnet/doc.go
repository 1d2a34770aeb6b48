// SPDX-License-Identifier: Apache-2.0

// Package procnet parses the text files of /proc that describe the network stack
// and the processes that use it: proc(5), proc_net(5), Documentation/networking/snmp_counter.rst.
//
// Every parser takes an io.Reader, so that a saved file serves as well as a live
// one, reads at most [MaxBytes], goes by the names that the kernel prints, keeps
// names it does not know, and returns a zero result with any error. What the
// counters mean is data: see [LookupCounter].
//
// Opening files, choosing the network namespace and computing rates are out of scope.
package procnet
