// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/tcptune/tcptune/internal/snapshot"

// Conntrack describes the connection tracking table.
type Conntrack struct {
	Loaded       *bool  `cel:"loaded" doc:"whether connection tracking is in this kernel (nf_conntrack_max exists)"`
	Count        *int64 `cel:"count" doc:"entries of this network namespace"`
	Max          *int64 `cel:"max" doc:"net.netfilter.nf_conntrack_max: each namespace may hold that many"`
	Buckets      *int64 `cel:"buckets" doc:"hash buckets"`
	Drops        *int64 `cel:"drops" window:"yes" doc:"packets dropped in the window because the table was full"`
	DropsTotal   *int64 `cel:"drops_total" doc:"the same, since the namespace was made"`
	EarlyDrops   *int64 `cel:"early_drops" window:"yes" doc:"entries evicted in the window to make room"`
	InsertFailed *int64 `cel:"insert_failed" window:"yes" doc:"new connections in the window that could not be entered, because an equal entry existed or NAT found no free port"`

	Sampled          *bool    `cel:"sampled" doc:"whether the shares below are those of a random part of the table; they are known to root only, and only where the table is at least half full"`
	States           *string  `cel:"states" doc:"top states of the tracked TCP connections, as text"`
	EndedShare       *float64 `cel:"ended_share" doc:"share of entries of ended TCP connections: TIME_WAIT and CLOSE of the tracker, which are not the states of sockets (0..1)"`
	EstablishedShare *float64 `cel:"established_share" doc:"share of entries of open TCP connections: ESTABLISHED of the tracker (0..1)"`
	TranslatedShare  *float64 `cel:"translated_share" doc:"share of entries whose address or port is translated, NAT (0..1)"`
}

func (d *derivation) conntrack() {
	now := d.to.Conntrack
	if now == nil {
		return
	}
	c := &Conntrack{Loaded: &now.Loaded, Count: now.Count, Max: now.Max, Buckets: now.Buckets}
	d.facts.Conntrack = c
	c.DropsTotal = signed(now.Drops)
	c.table(now.Table)
	if d.from == nil || d.from.Conntrack == nil {
		return
	}
	before := d.from.Conntrack
	c.Drops = grown(before.Drops, now.Drops)
	c.EarlyDrops = grown(before.EarlyDrops, now.EarlyDrops)
	c.InsertFailed = grown(before.InsertFailed, now.InsertFailed)
}

// table derives what the entries are. A walk that saw none says nothing.
func (c *Conntrack) table(t *snapshot.ConntrackTable) {
	if t == nil || t.Entries == 0 {
		return
	}
	var states tally[string]
	for state, n := range t.States {
		states.add(state, n)
	}
	text := states.text(func(state string) string { return state })
	sampled := !t.Complete
	ended := share(t.States["TIME_WAIT"]+t.States["CLOSE"], t.Entries)
	established, translated := share(t.States["ESTABLISHED"], t.Entries), share(t.Translated, t.Entries)
	c.Sampled, c.States, c.EndedShare, c.EstablishedShare, c.TranslatedShare = &sampled, &text, &ended, &established, &translated
}
