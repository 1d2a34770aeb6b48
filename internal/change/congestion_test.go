// SPDX-License-Identifier: Apache-2.0

package change

import (
	"strings"
	"testing"
)

func TestPlanCongestion(t *testing.T) {
	const modules = "kernel/net/ipv4/tcp_vegas.ko.zst:\nkernel/net/ipv4/tcp-odd.ko: kernel/lib/tcp_other.ko\n"
	for _, tt := range []struct {
		name    string
		key     string
		value   string
		prepare func(*fakeHost)
		refused string // part of the text; "" if it is not refused
		note    string
	}{
		{name: "available", value: "bbr"},
		{name: "unknown", value: "none", refused: `set net.ipv4.tcp_congestion_control to "none": this kernel has no such congestion control and there is no module tcp_none; ` +
			"available are reno, bbr, cubic (net.ipv4.tcp_allowed_congestion_control: reno, bbr)"},
		{name: "loads by itself", value: "vegas", note: "the kernel loads its module tcp_vegas"},
		{name: "loads by itself, spelt with a hyphen", value: "odd", note: "the kernel loads its module tcp_odd"},
		{name: "needed by a module, and no file", value: "other", refused: "no module tcp_other"},
		{name: "part of a name", value: "vega", refused: "no module tcp_vega;"},
		{name: "no list", value: "none", prepare: func(h *fakeHost) { h.set(availableCongestionKey, "") }},
		{name: "other kernel", value: "vegas", prepare: func(h *fakeHost) { h.host.Kernel = "6.19.0" }, refused: "no module tcp_vegas"},
		{name: "allowed", key: allowedCongestionKey, value: "cubic reno"},
		{name: "allowed and not loaded", key: allowedCongestionKey, value: "reno vegas", refused: "vegas is not loaded, reno, bbr, cubic are"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHost(t, map[string]string{congestionKey: "reno", availableCongestionKey: "reno bbr cubic", allowedCongestionKey: "reno bbr"})
			h.write("/lib/modules/6.18.0/modules.dep", modules)
			if tt.prepare != nil {
				tt.prepare(h)
			}
			if tt.key == "" {
				tt.key = congestionKey
			}
			p := h.plan(setOne(tt.key, tt.value), PlanOptions{})
			wantRefusal(t, p, "invalid", tt.refused)
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
				t.Errorf("want the note %q, got %q", tt.note, notes)
			}
		})
	}
}

// wantRefusal fails unless the plan is refused for one reason that has text, or, if text
// is empty, not at all.
func wantRefusal(t *testing.T, p *Plan, kind, text string) {
	t.Helper()
	refused := p.Refused()
	if text == "" {
		if len(refused) > 0 {
			t.Errorf("refused: %+v", refused)
		}
		return
	}
	if len(refused) != 1 || refused[0].Kind != kind || !strings.Contains(refused[0].Text, text) {
		t.Errorf("want a conflict %q with %q, got %+v", kind, text, refused)
	}
}

func TestPlanCongestionInNamespace(t *testing.T) {
	h := newFakeHost(t, map[string]string{congestionKey: "reno", availableCongestionKey: "reno bbr", allowedCongestionKey: "reno"})
	initial := false
	h.host.Initial = &initial
	wantRefusal(t, h.plan(setOne(congestionKey, "bbr"), PlanOptions{Mode: ModeRuntime}), "invalid", "outside the initial network namespace only those that all programs may use can be chosen: reno")
}

// TestPlanCongestionTogether: an algorithm that the plan chooses may be allowed, too.
func TestPlanCongestionTogether(t *testing.T) {
	h := newFakeHost(t, map[string]string{congestionKey: "reno", availableCongestionKey: "reno", allowedCongestionKey: "reno"})
	h.write("/lib/modules/6.18.0/modules.dep", "kernel/net/ipv4/tcp_bbr.ko.xz:\n")
	in := setOne(congestionKey, "bbr")
	in.Set = append(in.Set, setOne(allowedCongestionKey, "reno bbr").Set...)
	wantRefusal(t, h.plan(in, PlanOptions{}), "", "")
}

// TestPlanCongestionTree: below a tree no kernel is asked.
func TestPlanCongestionTree(t *testing.T) {
	h := newFakeHost(t, nil)
	s := h.situation()
	s.Live = nil
	p, err := NewPlan(s, setOne(congestionKey, "none"), PlanOptions{Mode: ModePersist})
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, p, "", "")
}
