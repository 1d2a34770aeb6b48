// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "nginx[42]", "nginx[42]"},
		{"other scripts", "名前 ü", "名前 ü"},
		{"escape sequence", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"C1 control", "a\u009b2Jb", `a\x9b2Jb`},
		{"bytes that are no UTF-8", "a\xffb", `a\xffb`},
		{"a replacement character that stands there", "a\uFFFDb", `a\ufffdb`},
		{"direction override", "a\u202eb", `a\u202eb`},
		{"line end", "a\nb", `a\x0ab`},
		{"tab", "a\tb", `a\x09b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in); got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[31m", "\xc3\x28", "\u202e", "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Clean(%q) = %q is no UTF-8", s, got)
		}
		for _, r := range got {
			if !printable(r) {
				t.Fatalf("Clean(%q) = %q holds %U", s, got, r)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("Clean is not a fixed point: %q, then %q", got, again)
		}
	})
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		name  string
		text  string
		width int
		want  []string
	}{
		{"empty", "", 20, []string{""}},
		{"fits", "one two", 20, []string{"one two"}},
		{"at blanks only", "accept-queue-overflow, listen", 24, []string{"accept-queue-overflow,", "listen"}},
		{"line ends are blanks", "one\n  two\tthree", 20, []string{"one two three"}},
		{"a long word is cut", "abcdefghijklmno", 10, []string{"abcdefghij", "klmno"}},
		{"wide letters", "名前名前名前 a", 10, []string{"名前名前名", "前 a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, wrap(tt.text, tt.width)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one two three", 12)
	f.Add("名前\x1b[0m", 10)
	f.Fuzz(func(t *testing.T, text string, width int) {
		if width < 10 || width > 200 {
			return
		}
		lines := wrap(text, width)
		for _, line := range lines {
			if ansi.StringWidth(line) > width {
				t.Fatalf("line of %d columns in %d: %q", ansi.StringWidth(line), width, line)
			}
		}
		squeeze := strings.NewReplacer(" ", "", "\n", "")
		if got, want := squeeze.Replace(strings.Join(lines, "")), squeeze.Replace(Clean(strings.Join(strings.Fields(text), " "))); got != want {
			t.Fatalf("wrap lost text: want %q, got %q", want, got)
		}
	})
}

func TestValue(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want string
	}{
		{nil, "unknown"}, {true, "yes"}, {false, "no"}, {int64(0), "0"}, {int64(999), "999"}, {int64(18275), "18,275"},
		{int64(-1234567), "-1,234,567"}, {0.0, "0"}, {53.5, "53.5"}, {0.00123456, "0.00123"}, {999.4, "999"}, {999.5, "1,000"}, {1234567.8, "1,234,568"}, {"text", "text"},
	} {
		if got := value(tt.in); got != tt.want {
			t.Errorf("value(%v): want %q, got %q", tt.in, tt.want, got)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		part, whole int64
		want        string
	}{
		{0, 0, "0%"}, {0, 5, "0%"}, {1, 3, "33%"}, {12, 1000, "1.2%"}, {1, 1000, "0.1%"}, {1, 1001, "under 0.1%"}, {994, 1000, "99%"}, {995, 1000, "100%"}, {5, 5, "100%"}, {7, 5, "140%"},
	} {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("percent(%d, %d): want %q, got %q", tt.part, tt.whole, tt.want, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0 s", 119: "119 s", 600: "10 min", 7200: "2 h", 172800: "2 d"} {
		if got := duration(seconds); got != want {
			t.Errorf("duration(%v): want %q, got %q", seconds, want, got)
		}
	}
}

func TestStateLine(t *testing.T) {
	one, many, none := int64(1), int64(1234), int64(0)
	all := func(n *int64) map[string]*int64 {
		m := make(map[string]*int64)
		for _, s := range stateOrder {
			m[s] = n
		}
		return m
	}
	some := all(&none)
	some["listen"], some["time_wait"], some["established"] = &one, &many, nil
	for _, tt := range []struct {
		name   string
		states map[string]*int64
		want   string
	}{
		{"none", all(&none), "none"},
		{"nothing known", all(nil), "unknown"},
		{"some", some, "1 LISTEN, 1,234 TIME_WAIT; not counted: ESTABLISHED"},
	} {
		if got := stateLine(tt.states); got != tt.want {
			t.Errorf("%s: want %q, got %q", tt.name, tt.want, got)
		}
	}
}

// TestColor checks that colour is asked for, never assumed.
func TestColor(t *testing.T) {
	for _, color := range []bool{false, true} {
		var b bytes.Buffer
		p := &page{out: &b, style: Style{Width: 80, Color: color}}
		p.section("Why")
		if got := strings.Contains(b.String(), "\x1b["); got != color {
			t.Errorf("Color %v: escape sequences: %v", color, got)
		}
	}
}
