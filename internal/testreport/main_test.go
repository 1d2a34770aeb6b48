// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	const pass = `{"Action":"output","Package":"a","Test":"TestX","Output":"noise\n"}
{"Action":"pass","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a"}
`
	const skip = `{"Action":"output","Package":"a","Test":"TestY","Output":"    a_test.go:1: no netns here\n"}
{"Action":"skip","Package":"a","Test":"TestY"}
`
	tests := []struct {
		name     string
		in       string
		expected string
		want     string
		err      string
	}{
		{"pass", pass, "", "ok  \ta\t0.1s\n1 tests passed, 0 skipped\n", ""},
		{"no test", `{"Action":"skip","Package":"a"}`, "", "0 tests passed, 0 skipped\n", "no test ran"},
		{"expected skip", skip + pass, "# why\na TestY # not here\n", "ok  \ta\t0.1s\nskipped: a TestY\n1 tests passed, 1 skipped\n", ""},
		{"unexpected skip", skip + pass, "",
			"ok  \ta\t0.1s\nskipped: a TestY\n    a_test.go:1: no netns here\n1 tests passed, 1 skipped\n",
			"the skipped tests are not the expected ones:\n"},
		{"a skip that is gone", pass, "a TestY", "ok  \ta\t0.1s\n1 tests passed, 0 skipped\n",
			"the skipped tests are not the expected ones:\na TestY"},
		{"failure", pass + `{"Action":"output","Package":"b","Test":"TestZ","Output":"b_test.go:2: wrong\n"}
{"Action":"fail","Package":"b","Test":"TestZ"}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.2s\n"}
{"Action":"fail","Package":"b"}`, "",
			"ok  \ta\t0.1s\nb_test.go:2: wrong\nFAIL\tb\t0.2s\n1 tests passed, 0 skipped\n", "tests failed"},
		{"panic outside a test", pass + `{"Action":"output","Package":"b","Output":"panic: no\n"}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.2s\n"}
{"Action":"fail","Package":"b"}`, "", "ok  \ta\t0.1s\nFAIL\tb\t0.2s\npanic: no\n1 tests passed, 0 skipped\n", "tests failed"},
		{"does not compile", pass + `{"ImportPath":"b","Action":"build-output","Output":"b.go:1: no\n"}
{"ImportPath":"b","Action":"build-fail"}`, "", "ok  \ta\t0.1s\nb.go:1: no\n1 tests passed, 0 skipped\n", "tests failed"},
		{"other output", "go: no such tool\n", "", "go: no such tool\n0 tests passed, 0 skipped\n", "no test ran"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := report(strings.NewReader(tt.in), &out, tt.expected)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.err, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
