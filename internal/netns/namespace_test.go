// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewLabel(t *testing.T) {
	tests := []struct {
		name       string
		mounts     []string
		container  Container
		pid        int
		wantName   string
		wantedKind string
		wantedWay  string
	}{
		{"ip netns", []string{"/run/netns/blue"}, Container{}, 0, "blue", KindNamed, "ip netns exec blue"},
		{"ip netns, twice", []string{"/run/netns/red", "/run/netns/blue"}, Container{}, 12, "blue", KindNamed, "ip netns exec blue"},
		{"ip netns exec in a container", []string{"/run/netns/blue"}, Container{Runtime: "docker", ID: id64}, 12, "blue", KindNamed, "ip netns exec blue"},
		{"docker", []string{"/run/docker/netns/7d0e4b1c33aa"}, Container{Runtime: "docker", ID: id64}, 12, "docker/3f2a9c1b7d21", KindContainer, "nsenter --target 12 --net"},
		{"pod", []string{"/run/netns/cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6"}, Container{"containerd", id64, uid}, 12, "pod/" + uid, KindPod, "nsenter --target 12 --net"},
		{"lxc", nil, Container{Runtime: "lxc", ID: "web1"}, 12, "lxc/web1", KindContainer, "nsenter --target 12 --net"},
		{"a pod that is being made", []string{"/run/netns/cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6"}, Container{}, 0, "cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6", KindMount, "nsenter --net=/run/netns/cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6"},
		{"podman", []string{"/run/netns/netns-" + uid}, Container{Runtime: "podman", ID: id64}, 12, "podman/3f2a9c1b7d21", KindContainer, "nsenter --target 12 --net"},
		{"CRI-O, nobody there yet", []string{"/run/netns/" + uid}, Container{}, 0, uid, KindMount, "nsenter --net=/run/netns/" + uid},
		{"a name of hexadecimal letters", []string{"/run/netns/cafe"}, Container{}, 12, "cafe", KindNamed, "ip netns exec cafe"},
		{"a process", nil, Container{}, 12, "nginx[12]", KindProcess, "nsenter --target 12 --net"},
		{"a process, mounted elsewhere", []string{"/srv/x"}, Container{}, 12, "nginx[12]", KindProcess, "nsenter --target 12 --net"},
		{"mounted elsewhere", []string{"/srv/x"}, Container{}, 0, "/srv/x", KindMount, "nsenter --net=/srv/x"},
	}
	for _, test := range tests {
		l := newLabel(test.mounts, test.container, test.pid, "nginx")
		if l.Name != test.wantName || l.Kind != test.wantedKind || l.Enter != test.wantedWay {
			t.Errorf("%s: %s (%s, %s), want %s (%s, %s)", test.name, l.Name, l.Kind, l.Enter, test.wantName, test.wantedKind, test.wantedWay)
		}
	}
}

// listing is one of a host with all kinds of namespaces.
func listing() *Listing {
	l := &Listing{Namespaces: []*Namespace{
		{Label: newLabel(nil, Container{}, 7, "sleep"), ID: ID{0, 4, 105}},
		{Label: newLabel([]string{"/run/netns/cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6"}, Container{"containerd", id64, uid}, 40, "pause"), ID: ID{0, 4, 103}, mounts: []string{"/run/netns/cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6"}},
		{Label: newLabel(nil, Container{Runtime: "docker", ID: id64b}, 50, "redis"), ID: ID{0, 4, 104}},
		{Label: newLabel(nil, Container{Runtime: "lxc", ID: "web"}, 60, "init"), ID: ID{0, 4, 106}},
		{Label: newLabel(nil, Container{Runtime: "lxc", ID: "web"}, 61, "init"), ID: ID{0, 4, 107}},
		{Label: newLabel([]string{"/run/netns/blue"}, Container{}, 0, ""), ID: ID{0, 4, 102}, mounts: []string{"/run/netns/blue"}},
		{Label: Label{Name: HostName, Kind: KindHost}, ID: ID{0, 4, 101}},
	}}
	l.settle()
	return l
}

func TestListingOrder(t *testing.T) {
	var got []string
	for _, n := range listing().Namespaces {
		got = append(got, n.Name)
	}
	want := []string{"host", "blue", "docker/b0a998877665", "lxc/web net:[106]", "lxc/web net:[107]", "pod/" + uid, "sleep[7]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNamed(t *testing.T) {
	tests := []struct {
		arg  string
		want uint64 // inode
		err  error
	}{
		{"host", 101, nil},
		{"blue", 102, nil},
		{"pod/" + uid, 103, nil},
		{uid, 103, nil},
		{uid[:8], 103, nil},
		{"cni-0f3c5a7e-1b2d-4c6e-8f90-a1b2c3d4e5f6", 103, nil},
		{id64, 103, nil},
		{id64b[:12], 104, nil},
		{id64b[:4], 104, nil},
		{id64b[:3], 0, ErrUnknown},
		{"docker/b0a998877665", 104, nil},
		{"sleep[7]", 105, nil},
		{"net:[105]", 105, nil},
		{"web", 0, ErrAmbiguous},
		{"lxc/web net:[107]", 107, nil},
		{"green", 0, ErrUnknown},
		{"", 0, ErrUnknown},
	}
	for _, test := range tests {
		n, err := listing().Named(test.arg)
		if !errors.Is(err, test.err) || n != nil && n.ID.Inode != test.want || n == nil && test.want != 0 {
			t.Errorf("Named(%q) = %+v, %v, want %d, %v", test.arg, n, err, test.want, test.err)
		}
	}
}
