// SPDX-License-Identifier: Apache-2.0

// Package faultfs is test support: a file system in memory that fails, or dies, at the
// operation that a test names, and that knows what a power cut would leave.
//
//	for n := 1; ; n++ {
//		fsys := faultfs.New()
//		fsys.Put("/etc/sysctl.d/90-tcptune.conf", "old", 0o644)
//		fsys.Inject(n, faultfs.Fault{Crash: true})
//		crashed := faultfs.Catch(func() { err = atomicfile.Replace(fsys, ...) })
//		... fsys.Restart() or fsys.PowerLoss() has the tree that the next run finds
//		if !fsys.Fired() {
//			break // there is no n-th operation
//		}
//	}
//
// Product code must not import faultfs.
package faultfs
