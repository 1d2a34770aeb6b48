// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/explain"
)

func TestWriteTopicMarkdown(t *testing.T) {
	topic := explain.Topic{
		Kind: explain.KindSysctl, Name: "net.ipv4.conf.*.x", Title: "One <b>line</b>",
		Sections: []explain.Section{
			{Heading: "What it does", Text: "First `x` of *y*.\n\n__tcp_close [1] and tcp_rmem\x1b[31m.", Rows: []explain.Row{
				{Name: "TIME_WAIT", Value: "one\n\ntwo"}, {Name: "other", Value: "3"},
			}},
			{Heading: "How to look", Commands: []string{"ss -tn '*'"}},
		},
		SeeAlso: []string{"TIME_WAIT", "LISTEN"},
	}
	const want = "## net.ipv4.conf.\\*.x\n\nOne &lt;b>line&lt;/b>.\n" +
		"\n**What it does**\n\nFirst \\`x\\` of \\*y\\*.\n\n\\__tcp_close \\[1] and tcp_rmem\\\\x1b\\[31m.\n" +
		"\n- **[TIME_WAIT](states.md#time_wait)**: one\n\n  two\n- **other**: 3\n" +
		"\n**How to look**\n\n```sh\nss -tn '*'\n```\n" +
		"\n**See also**\n\n[TIME_WAIT](states.md#time_wait), LISTEN\n"
	var b strings.Builder
	err := WriteTopicMarkdown(&b, topic, 2, func(name string) string {
		if name == "TIME_WAIT" {
			return "states.md#time_wait"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
