// SPDX-License-Identifier: Apache-2.0

package report

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast computes the contrast of every pair of text and ground, and of
// every colour of a chart and its ground, as WCAG 2.1 defines it.
func TestContrast(t *testing.T) {
	light, rest, _ := strings.Cut(pageStyle, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "\n}\n")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colours := make(map[string]float64)
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		least := func(want float64, ground string, names ...string) {
			for _, name := range names {
				a, known := colours[name]
				b, known2 := colours[ground]
				if !known || !known2 {
					t.Fatalf("%s: no colour %s or %s", scheme, name, ground)
				}
				if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < want {
					t.Errorf("%s: %s on %s has contrast %.2f, want %.1f", scheme, name, ground, got, want)
				}
			}
		}
		for _, ground := range []string{"bg", "card"} {
			least(4.5, ground, "text", "muted", "link")
			least(3, ground, "bar", "over")
		}
		for _, kind := range []string{"critical", "warning", "notice", "info", "ok"} {
			least(4.5, kind+"-bg", kind)
		}
		least(3, "bg", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10")
	}
}

// luminance is the relative luminance of a colour.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
