// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testPage shows the page in Chromium at the width of a phone and of a desk, on
// light and dark ground.
func testPage(t *testing.T, file string) {
	b := newBrowser(t)
	testWatch(t, b)
	for _, width := range []int{390, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			b.open(file, width, scheme)
			if diff := cmp.Diff([]string{"file://" + file}, b.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if c := b.complaints(); len(c) > 0 {
				t.Errorf("console: %v", c)
			}
			if scrolled := eval[int](b, "document.documentElement.scrollWidth"); scrolled > width {
				t.Errorf("the page is %d wide in a window of %d", scrolled, width)
			}
			ground := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
			if got := eval[string](b, "getComputedStyle(document.body).backgroundColor"); got != ground {
				t.Errorf("the ground is %s, want %s", got, ground)
			}
			if size := b.shoot(fmt.Sprintf("%d-%s", width, scheme)); size < 10_000 {
				t.Errorf("the picture has %d bytes", size)
			}
		}
	}
	testStructure(t, b)
	testPrint(t, b)
}

// testWatch shows a page that does what ours must not, so that it would be seen.
func testWatch(t *testing.T, b *browser) {
	file := filepath.Join(t.TempDir(), "bad.html")
	page := `<!doctype html><title>bad</title><p style="width: 500px">wide</p><img src="http://elsewhere.test/x.png"><script>nothing()</script>`
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(file, 390, "light")
	if diff := cmp.Diff([]string{"file://" + file, "http://elsewhere.test/x.png"}, b.requests()); diff != "" {
		t.Errorf("requests of a bad page (-want +got):\n%s", diff)
	}
	if len(b.complaints()) == 0 || eval[int](b, "document.documentElement.scrollWidth") <= 390 {
		t.Error("nothing is seen of what is wrong with a bad page")
	}
}

// testStructure looks at what assistive technology relies on, and for markup
// that came from the host: the window has a process <svg/onload=x> and a file
// named <b>.
func testStructure(t *testing.T, b *browser) {
	for expression, want := range map[string]string{
		`document.documentElement.lang`: "en",
		`[...document.querySelectorAll("body > header, body > nav, body > main, body > footer")].map(e => e.tagName).join()`: "HEADER,NAV,MAIN,FOOTER",
		`document.querySelectorAll("h1").length + ""`: "1",
		`[...document.querySelectorAll("h1,h2,h3,h4")].filter((h, i, all) => i > 0 && h.tagName[1] - all[i-1].tagName[1] > 1) + ""`: "",
		`document.querySelectorAll("th:not([scope])").length + ""`:                                                                  "0",
		`document.querySelectorAll("table:not(:has(thead th[scope=col]))").length + ""`:                                             "0",
		`[...document.querySelectorAll("svg:not([role=img][aria-label])")].length + ""`:                                             "0",
		`[...document.querySelectorAll("nav a")].filter(a => !document.getElementById(a.hash.slice(1))).join()`:                     "",
		`(ids => ids.length - new Set(ids).size)([...document.querySelectorAll("[id]")].map(e => e.id)) + ""`:                       "0",
		`document.querySelectorAll("script, iframe, object, embed, form, b, [onload], link:not([rel=icon])").length + ""`:           "0",
		`[...document.querySelectorAll(".subject")].filter(e => e.textContent.includes("<svg/onload=x>")).length + ""`:              "1",
		`document.querySelector("details.finding").querySelector("summary").tabIndex + ""`:                                          "0",
		`(e => { e.focus(); return getComputedStyle(e).outlineStyle })(document.querySelector("summary"))`:                          "solid",
	} {
		if got := eval[string](b, expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}

// testPrint folds everything up and prints: paper has no fold.
func testPrint(t *testing.T, b *browser) {
	eval[string](b, `document.querySelectorAll("details").forEach(d => d.open = false), ""`)
	hidden := `[...document.querySelectorAll("details.finding .body")].filter(e => !e.checkVisibility()).length`
	if n := eval[int](b, hidden); n == 0 {
		t.Error("nothing was folded up")
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print"})
	if n := eval[int](b, hidden); n != 0 {
		t.Errorf("%d findings would not be printed", n)
	}
}
