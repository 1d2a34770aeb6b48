// SPDX-License-Identifier: Apache-2.0

// Package yamlfile reads the files that rules and profiles are written in: one
// strict YAML document with expressions inside. Every mistake is noted with file,
// line and column and what was probably meant, and files that root uses must be
// root's.
//
// Out of scope: what a rule or a profile consists of.
package yamlfile
