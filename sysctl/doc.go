// SPDX-License-Identifier: Apache-2.0

// Package sysctl names, reads and describes kernel parameters, and reads the files
// that set them at boot: sysctl(8), sysctl.d(5), proc_sys_net(5).
//
// A [Key] names a parameter, a [Tree] reads live values, a [Catalogue] says what is
// known about the TCP ones, and [FindLines] reads the sysctl.d files below a root.
// Writing values or files, deciding which line wins, and any opinion on what a value
// should be are out of scope. The API promises nothing before version 1.
package sysctl
