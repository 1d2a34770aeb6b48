// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteJSONEscapes(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "nginx <a&b>", `"nginx <a&b>"`},
		{"printable", "grün 日本 😀", `"grün 日本 😀"`},
		{"ASCII control", "\x1b[2J", `"\u001b[2J"`},
		{"DEL", "a\x7f", `"a\u007f"`},
		{"C1 control", "\u009b2J", `"\u009b2J"`},
		{"direction", "a\u202eb", `"a\u202eb"`},
		{"beyond 16 bits", "\U000e0001", `"\udb40\udc01"`},
		{"no UTF-8", "a\xff", `"a\ufffd"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := writeJSON(&b, tt.in); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want+"\n", b.String()); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			var got string
			if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ToValidUTF8(tt.in, "\ufffd"), got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}
