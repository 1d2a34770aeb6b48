// SPDX-License-Identifier: Apache-2.0

// Package watch is the live view of `tcptune watch`: one round of collecting,
// deriving and judging after another goes in, a screen or a line comes out.
//
// A [Model] is pure: it reads nothing, asks no clock and holds no more than the
// last round and rings of fixed length, so an hour on a screen costs what a
// minute does. [Run] puts it on a terminal, [WriteLines] into a pipe, [Once]
// prints it a single time. What makes a round is handed in as a [Source].
//
// Out of scope: reading the host (package snapshot), judging it (package rules),
// and the words of a finding (package report).
package watch
