// SPDX-License-Identifier: Apache-2.0

package facts

// Line is one line of a sysctl file that sets a key.
type Line struct {
	File    string `cel:"file" doc:"path of the file"`
	Number  int64  `cel:"number" doc:"line number"`
	Address string `cel:"address" doc:"file:line"`
	Key     string `cel:"key" doc:"dotted key"`
	Value   string `cel:"value" doc:"value as written, blanks folded"`
	Ignored bool   `cel:"ignored" doc:"the line has the prefix - (errors are ignored)"`
	Status  string `cel:"status" doc:"exists, read-only (the host alone can change it), removed, too-new, module, host-only, no-interface, typo, unknown, pattern (a glob), or unread (could not tell)"`
	Note    string `cel:"note" doc:"what the status rests on, as text"`
	Nearest string `cel:"nearest" doc:"for status typo, the key that was probably meant"`
}
