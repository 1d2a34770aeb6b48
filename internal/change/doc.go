// SPDX-License-Identifier: Apache-2.0

// Package change plans changes of sysctl settings, applies them, proves them
// and undoes them. It is the only writer of /proc/sys and of files in
// /etc/sysctl.d.
//
// What is wanted comes in as an Intent, a list of settings with their reasons;
// package change never sees a profile's YAML or a rule. From an Intent and a
// Situation (what the host is like now) comes a Plan of Steps; a Machine turns a
// Plan into a Result and writes an Entry to the journal, from which everything
// can be undone.
//
// The order of a run: lock, journal "pending" (fsync), write each live value and
// read it back, replace the drop-in, prove that it wins under both loaders,
// journal "applied". Any failure undoes in reverse and journals "failed". The
// live values come first and the file last: it is the commit point.
package change
