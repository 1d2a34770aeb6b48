// SPDX-License-Identifier: Apache-2.0

// Package expr is the expression language that rules and profiles share: CEL
// over the vocabulary of package facts, with a third truth value.
//
// An expression is compiled and type-checked when a rule loads; every mistake
// is reported with file, line and column. A fact that the host does not have,
// or that was not read, is unknown, never zero: it passes through && || ! ?:,
// arithmetic, functions and exists() as Kleene's third value, and the result
// names the facts that were missing. Plain CEL reads a nil pointer as 0; that
// is why every field is read through the provider of this package.
//
// A missing fact is named as an author writes it: rate.ListenOverflows,
// sysctl("net.core.somaxconn"), listeners. A field of a list element is named
// after its list, whatever variable stood for the element: listeners.backlog.
//
// An integer divided by an integer is an integer, as in CEL; percent() and a
// double operand are exact. Division by zero is an error, not an unknown.
//
// Out of scope: what a rule consists of (package rules), and reading files.
package expr
