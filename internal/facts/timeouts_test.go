// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"math"
	"testing"

	"github.com/tcptune/tcptune/internal/snapshot"
)

func TestRetries2Seconds(t *testing.T) {
	const key, absent, unread = "net.ipv4.tcp_rto_max_ms", "absent", ""
	tests := []struct {
		retries, rtoMax string
		want            float64 // 0: unknown
	}{
		{"3", "120000", 3.0}, // the budgets of 3, 5 and 8, beside which the errors came after 6.8, 13.5 and 108.1 s
		{"5", "120000", 12.6},
		{"8", "120000", 102.2},
		{"9", "120000", 204.6},
		{"15", "120000", 924.6},
		{"15", absent, 924.6},
		{"15", unread, 0},
		{"15", "30000", 291},
		{"15", "1000", 14.4},
		{"0", "120000", 0.2},
		{"255", "120000", 29724.6},
		{"-1", "120000", 0},
		{"x", "120000", 0},
		{"15", "0", 0},
	}
	for _, tt := range tests {
		s := &snapshot.Snapshot{Sysctls: map[string]string{"net.ipv4.tcp_retries2": tt.retries}}
		switch tt.rtoMax {
		case absent:
			s.Absent = []string{key}
		case unread:
		default:
			s.Sysctls[key] = tt.rtoMax
		}
		var got float64
		if seconds := derive(one(s)).Timeouts.Retries2Seconds; seconds != nil {
			got = *seconds
		}
		if math.Abs(got-tt.want) > 0.01 {
			t.Errorf("tcp_retries2 %s, tcp_rto_max_ms %q: %.2f s, want %.2f", tt.retries, tt.rtoMax, got, tt.want)
		}
	}
}
