// SPDX-License-Identifier: Apache-2.0

package report

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used: most
// runs use none, and compiling them all at each start takes half a millisecond.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
