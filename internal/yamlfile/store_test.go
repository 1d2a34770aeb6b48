// SPDX-License-Identifier: Apache-2.0

package yamlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

type fakeInfo struct {
	fs.FileInfo
	mode fs.FileMode
	sys  any
}

func (f fakeInfo) Mode() fs.FileMode { return f.mode }
func (f fakeInfo) Sys() any          { return f.sys }

func TestTrusted(t *testing.T) {
	tests := []struct {
		name string
		info fakeInfo
		euid int
		want string
	}{
		{"root", fakeInfo{mode: 0o644, sys: &syscall.Stat_t{}}, 0, ""},
		{"owner", fakeInfo{mode: 0o644, sys: &syscall.Stat_t{Uid: 1000}}, 0, "refuse x: it is owned by uid 1000; rules that root uses must be owned by root and not writable by others"},
		{"group", fakeInfo{mode: 0o664, sys: &syscall.Stat_t{}}, 0, "refuse x: its mode rw-rw-r-- lets others write; rules that root uses must be owned by root and not writable by others"},
		{"others", fakeInfo{mode: fs.ModeDir | 0o777, sys: &syscall.Stat_t{}}, 0, "refuse x: its mode rwxrwxrwx lets others write; rules that root uses must be owned by root and not writable by others"},
		{"unknown owner", fakeInfo{mode: 0o644}, 0, "refuse x: its owner cannot be told; rules that root uses must be owned by root and not writable by others"},
		{"user", fakeInfo{mode: 0o666, sys: &syscall.Stat_t{Uid: 1000}}, 1000, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Store{Noun: "rule", EUID: tt.euid}.trusted("x", tt.info)
			_, untrusted := errors.AsType[*UntrustedError](err)
			if got := fmt.Sprint(err); untrusted != (tt.want != "") || untrusted && got != tt.want {
				t.Errorf("trusted = %v, want %q", err, tt.want)
			}
		})
	}
}
