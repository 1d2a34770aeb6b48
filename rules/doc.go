// SPDX-License-Identifier: Apache-2.0

// Package rules holds the rule language, its evaluation and the built-in
// rules. A rule is inert data: one YAML file with conditions in CEL over the
// facts of internal/facts. Evaluating is pure and three-valued: a rule whose
// facts are unknown is skipped and names them; it neither passes nor fires.
//
// The package promises nothing before v1. Out of scope: reading the host, and
// changing it.
package rules
