// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelect(t *testing.T) {
	s := newSet(t, parseRule(t, "b", "category: syn"), parseRule(t, "a"), parseRule(t, "c"))
	s.Version = "7"
	tests := []struct {
		name       string
		only, skip []string
		want       []string
		err        string
	}{
		{"all", nil, nil, []string{"a", "b", "c"}, ""},
		{"one", []string{"a"}, nil, []string{"a"}, ""},
		{"category", []string{"accept-queue"}, nil, []string{"a", "c"}, ""},
		{"category without rules", []string{"softnet"}, nil, []string{}, ""},
		{"skip", nil, []string{"a", "syn"}, []string{"c"}, ""},
		{"both", []string{"accept-queue", "b"}, []string{"c"}, []string{"a", "b"}, ""},
		{"unknown", []string{"accept-queu"}, nil, nil, `no rule and no category is named "accept-queu"; did you mean "accept-queue"?`},
		{"unknown skip", nil, []string{"zzz"}, nil, `no rule and no category is named "zzz"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Select(tt.only, tt.skip)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.IDs()); diff != "" || got.Version != "7" {
				t.Errorf("ids (-want +got)\n%s version %q", diff, got.Version)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	builtin := newSet(t, parseRule(t, "a"))
	builtin.Version, builtin.SHA256 = "7", "f00"
	joined, err := builtin.Join(newSet(t, parseRule(t, "b")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, joined.IDs()); diff != "" || joined.Version != "7" || joined.SHA256 == "f00" || len(joined.SHA256) != 64 {
		t.Errorf("ids (-want +got)\n%s version %q sha256 %q", diff, joined.Version, joined.SHA256)
	}
	if same, err := builtin.Join(&Set{SHA256: "f01"}); err != nil || same.SHA256 != "f00" {
		t.Errorf("joined with no rule: %v, %v", same, err)
	}
	if r, ok := joined.Lookup("b"); !ok || r.ID != "b" {
		t.Errorf("Lookup(b) = %v, %v", r, ok)
	}
	if r, ok := joined.Lookup("c"); ok {
		t.Errorf("Lookup(c) = %v, want none", r)
	}
	pack := newSet(t, parseRule(t, "a"), parseRule(t, "b"))
	if _, err := joined.Join(pack); err == nil || err.Error() != `a.yaml: id "a" is that of a.yaml; a rule cannot replace another one`+"\n"+
		`b.yaml: id "b" is that of b.yaml; a rule cannot replace another one` {
		t.Errorf("Join with the same ids: %v", err)
	}
	builtin.Rules[0].File = ""
	if _, err := builtin.Join(pack); err == nil || err.Error() != `a.yaml: id "a" is that of a built-in rule; a rule cannot replace another one` {
		t.Errorf("Join with the id of a built-in rule: %v", err)
	}
}
