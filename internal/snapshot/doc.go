// SPDX-License-Identifier: Apache-2.0

// Package snapshot reads what tcptune judges: one instant of a host
// (Snapshot), two instants and the time between (Window), and what could not
// be read and why (Gap). It reads a live host, a saved window or a directory
// tree, and is handed nothing that can write to the examined system.
//
// Sockets are collected in tiers, and a tier is entered only when cheaper
// numbers say that it can matter: dumping a million established sockets costs
// seven times as much as walking past them.
//
// Out of scope: thresholds and judgement (package rules).
package snapshot
