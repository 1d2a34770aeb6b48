// SPDX-License-Identifier: Apache-2.0

package facts

// Counters are the counters of /proc/net/netstat (TcpExt) and /proc/net/snmp
// (Tcp, Ip) that rules may use, under the kernel's own names. A nil field is a
// counter that this kernel does not have, or that was not read.
//
// Source: net/ipv4/proc.c, include/uapi/linux/snmp.h.
type Counters[T int64 | float64] struct {
	ListenOverflows       *T
	ListenDrops           *T
	TCPReqQFullDrop       *T
	TCPReqQFullDoCookies  *T
	SyncookiesSent        *T
	SyncookiesRecv        *T
	SyncookiesFailed      *T
	TCPTimeWaitOverflow   *T
	TW                    *T
	TWKilled              *T
	TWRecycled            *T
	PAWSPassive           *T
	PAWSActive            *T
	PAWSEstab             *T
	PAWSOldAck            *T
	PAWSTimewait          *T
	TSEcrRejected         *T
	BeyondWindow          *T
	TCPAbortOnMemory      *T
	TCPAbortOnTimeout     *T
	TCPAbortOnData        *T
	TCPAbortOnClose       *T
	TCPAbortOnLinger      *T
	TCPAbortFailed        *T
	TCPMemoryPressures    *T
	PruneCalled           *T
	RcvPruned             *T
	OfoPruned             *T
	TCPRcvCollapsed       *T
	TCPBacklogDrop        *T
	TCPRcvQDrop           *T
	TCPZeroWindowDrop     *T
	TCPOFODrop            *T
	TCPWqueueTooBig       *T
	TCPSlowStartRetrans   *T
	TCPFastRetrans        *T
	TCPSynRetrans         *T
	TCPTimeouts           *T
	TCPSpuriousRTOs       *T
	TCPLostRetransmit     *T
	TCPLossProbes         *T
	TCPLossProbeRecovery  *T
	TCPRetransFail        *T
	TCPFastOpenActive     *T
	TCPFastOpenActiveFail *T
	TCPFastOpenPassive    *T
	TCPMTUPSuccess        *T
	TCPMTUPFail           *T
	TCPChallengeACK       *T
	TCPSYNChallenge       *T
	EmbryonicRsts         *T
	TCPToZeroWindowAdv    *T
	TCPFromZeroWindowAdv  *T
	TCPWantZeroWindowAdv  *T
	TCPWinProbe           *T
	TCPKeepAlive          *T
	TCPDSACKRecv          *T
	TCPDeferAcceptDrop    *T
	IPReversePathFilter   *T

	ActiveOpens  *T
	PassiveOpens *T
	AttemptFails *T
	EstabResets  *T
	InSegs       *T
	OutSegs      *T
	RetransSegs  *T
	InErrs       *T
	OutRsts      *T
	InCsumErrors *T

	ForwDatagrams *T
}

// Rates are counters per second over the window.
type Rates Counters[float64]

// Deltas are the growth of counters over the window.
type Deltas Counters[int64]

// Totals are counters since the network namespace was made.
type Totals Counters[int64]
