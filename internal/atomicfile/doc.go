// SPDX-License-Identifier: Apache-2.0

// Package atomicfile replaces a file durably: after a crash or a power cut its
// old or its new content is there, never a mixture and never nothing.
//
// The steps are those that rename(2) and fsync(2) ask for: a temporary file
// beside the target, whose name does not end in .conf (procps reads hidden
// *.conf files too), fchmod, write, fsync, rename, fsync of the directory. They
// go through FS, a small set of operations, so that a test can let each fail.
package atomicfile
