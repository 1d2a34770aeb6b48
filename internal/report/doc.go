// SPDX-License-Identifier: Apache-2.0

// Package report turns results into text for people and JSON for programs. It
// is pure: a value and a writer in, bytes out. It does not know how the values
// were made.
package report
