// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

// proven are the rules whose claim was measured on a kernel before they were
// written; each needs a row, so that it stays true.
func proven() []string {
	return []string{
		"abort-on-overflow", "accept-overflow-cookie-hang", "accept-queue-overflow", "bbr-for-loss", "bbr-without-fq", "close-wait-in-accept-queue",
		"close-wait-leak", "close-wait-port-reuse", "closing-pileup", "config-duplicate-conflict", "config-nonsense-accepted", "config-overridden",
		"config-partial-triple", "config-tools-disagree", "config-unknown-key", "conntrack-close-wait", "conntrack-drops", "conntrack-near-full",
		"conntrack-time-wait", "core-rmem-max-only", "ephemeral-bind-before-connect", "ephemeral-port-exhaustion", "ephemeral-range-overlaps-listener",
		"ephemeral-range-parity", "ephemeral-scan-cost", "fd-limit-near", "fin-timeout-myth", "fin-wait2-owned", "fin-wait2-pileup",
		"keepalive-sysctl-inert", "keepalive-vs-idle-timeout", "key-host-only", "last-ack-pileup", "listen-drops-other", "max-syn-backlog-inert",
		"moderate-rcvbuf-off", "mtu-blackhole", "noop-keys", "notsent-lowat", "orphan-limit-near", "orphans-dead-peer", "rcvbuf-locked", "relisten-needed",
		"retransmit-high", "retries2-slow-failover", "retries2-too-low", "rfc1337", "rmem-below-bdp", "rp-filter-drops", "rst-on-close", "sack-off",
		"slow-reader", "slow-start-after-idle", "slow-start-after-idle-inert", "softnet-dropped", "somaxconn-cargo", "syn-flood-cookies-off",
		"syn-flood-cookies-on", "syn-sent-dead-backend", "syn-sent-scan", "syncookies-without-timestamps", "sysctl-conf-ignored", "tcp-mem-pressure",
		"time-wait-bucket-overflow", "time-wait-high-harmless", "timestamps-off", "tw-recycle-in-config", "tw-reuse-delay-low", "tw-reuse-server-side",
		"tw-reuse-timestamps-off", "window-scaling-off", "wmem-below-bdp",
	}
}

// notShown are the other rules without a row, with the reason why a kernel
// cannot show them here.
func notShown() map[string]string {
	return map[string]string{
		"conntrack-established": "five days cannot be waited for; keepalive-vs-idle-timeout shows a gateway that forgets sooner",
		"copied-block":          "it judges the lines of a block one by one, and those that do something have rules and rows of their own",
		"icmp-guard-off":        "both are on by default, and a flood by way of a broadcast address is not made here",
		"estab-half-dead":       "it takes two hours of silence, and the kernel's clock for that cannot be moved",
		"tcp-backlog-drop":      "a program must be held inside a system call on its socket while segments come, which traffic alone does not do",
		"tw-recycle-live":       "the key exists up to Linux 4.11 only",
	}
}

// pending are rules that need a row or a reason still. It must become empty.
func pending() []string {
	return []string{}
}

// TestRowsCoverRules finds each built-in rule in exactly one of: the rows, those
// that no kernel can show, those that are pending.
func TestRowsCoverRules(t *testing.T) {
	set, err := loadRules("")
	if err != nil {
		t.Fatal(err)
	}
	names, shown := map[string]bool{}, map[string]bool{}
	for _, r := range rows() {
		if names[r.name()] {
			t.Errorf("two rows are called %s", r.name())
		}
		names[r.name()], shown[r.rule] = true, true
		if _, ok := set.Lookup(r.rule); !ok {
			t.Errorf("a row is about %s, which is no built-in rule", r.rule)
		}
	}
	reasons := notShown()
	for _, id := range set.IDs() {
		n := 0
		for _, in := range []bool{shown[id], reasons[id] != "", slices.Contains(pending(), id)} {
			if in {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: row %v, reason %q, pending %v; want exactly one of them", id, shown[id], reasons[id], slices.Contains(pending(), id))
		}
		if reasons[id] != "" && slices.Contains(proven(), id) {
			t.Errorf("%s was proven on a kernel, so it needs a row and no reason", id)
		}
	}
	for id := range reasons {
		if _, ok := set.Lookup(id); !ok {
			t.Errorf("notShown names %s, which is no built-in rule", id)
		}
	}
}
