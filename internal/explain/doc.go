// SPDX-License-Identifier: Apache-2.0

// Package explain holds what tcptune can say about a TCP state, a sysctl key, a
// kernel counter or a rule: the pages behind "tcptune explain TOPIC".
//
// A [Library] makes pages from the texts on states of this package, the catalogue
// of parameters, the catalogue of counters and a set of rules, and links them with
// each other. Pages are data, the same everywhere; [Library.Now] adds how a topic stands on
// one host. Laying pages out is out of scope.
package explain

//go:generate go run ./gendocs
