// SPDX-License-Identifier: Apache-2.0

package facts

import "math/bits"

// Timeouts are how long the kernel waits.
type Timeouts struct {
	Retries2Seconds *float64 `cel:"retries2_seconds" doc:"for how long a connection may go without an answer before the kernel gives it up, at the smallest retransmission timeout: tcp_retries2 and tcp_rto_max_ms (120 s where the key does not exist), seconds"`
}

const (
	rtoMin        = 200    // TCP_RTO_MIN of include/net/tcp.h, milliseconds
	rtoMaxDefault = 120000 // TCP_RTO_MAX, milliseconds
)

// timeouts derives what the sysctl values mean in seconds.
func (d *derivation) timeouts() {
	t := &Timeouts{}
	d.facts.Timeouts = t
	retries, ok := d.facts.Sysctl("net.ipv4.tcp_retries2", 0)
	rtoMax, known := d.rtoMax()
	if !ok || !known || retries < 0 || rtoMax <= 0 {
		return
	}
	seconds := backoffSeconds(retries, rtoMax)
	t.Retries2Seconds = &seconds
}

// rtoMax is the longest gap between two retransmissions, in milliseconds. The
// key came with Linux 6.15.
func (d *derivation) rtoMax() (ms int64, known bool) {
	const key = "net.ipv4.tcp_rto_max_ms"
	if ms, ok := d.facts.Sysctl(key, 0); ok {
		return ms, true
	}
	exists, known := d.facts.SysctlExists(key)
	return rtoMaxDefault, known && !exists
}

// backoffSeconds is the time that the kernel makes of a number of
// retransmissions: the gaps double from the smallest timeout up to the longest.
// Source: net/ipv4/tcp_timer.c, tcp_model_timeout.
func backoffSeconds(retries, rtoMax int64) float64 {
	doublings := int64(max(0, bits.Len64(uint64(rtoMax/rtoMin))-1))
	ms := rtoMin*float64(uint64(2)<<min(retries, doublings)-1) + float64(max(0, retries-doublings))*float64(rtoMax)
	return ms / 1000
}
