// SPDX-License-Identifier: Apache-2.0

// Package netns finds the network namespaces of the running host, names them
// after what lives in them, and enters them.
//
// Out of scope: what is read inside (package snapshot), and namespaces that
// neither a process nor a mount shows: those that only a file descriptor or a
// single thread keeps alive.
package netns
