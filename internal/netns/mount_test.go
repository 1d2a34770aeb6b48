// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMounts(t *testing.T) {
	const text = `22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
512 24 0:4 net:[4026532281] /run/netns/blue rw shared:250 - nsfs nsfs rw
513 24 0:4 net:[4026532281] /run/netns/blue rw shared:250 master:3 - nsfs nsfs rw
514 24 0:4 net:[4026532399] /run/docker/netns/7d0e4b1c33aa rw - nsfs nsfs rw
515 24 0:4 mnt:[4026532400] /run/snapd/ns/lxd.mnt rw - nsfs nsfs rw
516 24 0:4 net:[4026532401] /srv/a\040b\134c rw - nsfs nsfs rw
517 24 0:4 net:[x] /run/netns/bad rw - nsfs nsfs rw
518 24 zero net:[4026532402] /run/netns/bad rw - nsfs nsfs rw
519 24 0:4 net:[4026532403]
`
	got, err := ParseMounts(strings.NewReader(text))
	want := []Mount{
		{"/run/netns/blue", ID{0, 4, 4026532281}}, {"/run/netns/blue", ID{0, 4, 4026532281}},
		{"/run/docker/netns/7d0e4b1c33aa", ID{0, 4, 4026532399}}, {`/srv/a b\c`, ID{0, 4, 4026532401}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("(-want +got), error %v\n%s", err, diff)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("512 24 0:4 net:[4026532281] /run/netns/blue rw shared:250 - nsfs nsfs rw\n")
	f.Add(`516 24 0:4 net:[4026532401] /srv/a\040b\1 rw - nsfs nsfs rw`)
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := ParseMounts(strings.NewReader(text))
		for _, m := range mounts {
			if m.Path == "" {
				t.Errorf("a mount without a path: %+v", m)
			}
		}
		if len(mounts) > strings.Count(text, "\n")+1 {
			t.Errorf("%d mounts of %q, error %v", len(mounts), text, err)
		}
	})
}
