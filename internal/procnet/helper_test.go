// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// A parser is any ParseX of this package.
type parser[T any] func(io.Reader) (T, error)

// A refusal is an input and a part of the error that it must give.
type refusal struct{ name, in, want string }

// refuse checks every refusal, and those that all parsers share.
func refuse[T any](t *testing.T, parse parser[T], tests []refusal) {
	t.Helper()
	check := func(name string, r io.Reader, want string) {
		t.Run(name, func(t *testing.T) {
			got, err := parse(r)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
			if !reflect.ValueOf(&got).Elem().IsZero() {
				t.Errorf("result %v beside the error", got)
			}
		})
	}
	for _, tt := range tests {
		check(tt.name, strings.NewReader(tt.in), tt.want)
	}
	check("reader fails", iotest.ErrReader(errors.New("boom")), "boom")
	check("too long", strings.NewReader(strings.Repeat("\n", MaxBytes+1)), "longer than 4194304 bytes")
}

// parseFile parses a file that must be there and right.
func parseFile[T any](t *testing.T, name string, parse parser[T]) T {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := parse(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// addFiles adds files to the seeds.
func addFiles(f *testing.F, names ...string) {
	f.Helper()
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
}

// roundTrip holds the invariants of a parser: an error comes with a zero result, and
// what was parsed, formatted and parsed again is the same.
func roundTrip[T any](t *testing.T, in string, parse parser[T], format func(T) string) {
	t.Helper()
	first, err := parse(strings.NewReader(in))
	if err != nil {
		if !reflect.ValueOf(&first).Elem().IsZero() {
			t.Fatalf("result %v beside the error %v", first, err)
		}
		return
	}
	text := format(first)
	second, err := parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse own format %q: %v", text, err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatalf("after a round trip through %q (-first +second)\n%s", text, diff)
	}
}
