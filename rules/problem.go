// SPDX-License-Identifier: Apache-2.0

package rules

import "github.com/tcptune/tcptune/internal/yamlfile"

// A Problem is one mistake in a rule file. One that is a Warning does not keep
// the rule from loading; only Lint reports it.
type Problem = yamlfile.Problem

// Problems are all the mistakes of one or more rule files, as one error.
type Problems = yamlfile.Problems

// An UntrustedError is a rule file or directory that somebody else than root
// could have written, met while running as root.
type UntrustedError = yamlfile.UntrustedError
