// SPDX-License-Identifier: Apache-2.0

// Package facts derives the named, typed numbers and strings that rules and
// profiles may use from a window of the examined host. It is the one
// vocabulary of tcptune: a fact that is not here cannot be asked for.
//
// The exported types are the vocabulary. A field's `cel` tag is the name that
// a condition uses, its `doc` tag is the sentence that the generated page
// docs/facts.md prints; `window:"yes"` marks what only a window tells. A pointer field or a nil list is unknown when nil:
// unknown is never zero. Deriving is pure: it reads nothing but the window.
//
// Out of scope: reading the host (package snapshot) and judging it (package
// rules).
package facts

// Facts is everything that is known about one window of one host.
type Facts struct {
	Window    *Window    `cel:"window" doc:"the two instants that were compared"`
	Machine   *Machine   `cel:"machine" doc:"numbers of the whole machine, also when read inside a container"`
	Netns     *Netns     `cel:"netns" doc:"the network namespace that was examined"`
	Kernel    *Kernel    `cel:"kernel" doc:"the running kernel; kernel.atLeast(\"5.4\") compares releases"`
	Sockets   *Sockets   `cel:"sockets" doc:"how many TCP sockets of this network namespace are in which state"`
	Rate      *Rates     `cel:"rate" window:"yes" doc:"counters of this network namespace, per second over the window; unknown with --window 0"`
	Delta     *Deltas    `cel:"delta" window:"yes" doc:"how much counters of this network namespace grew in the window; unknown with --window 0"`
	Total     *Totals    `cel:"total" doc:"counters of this network namespace since it was made (since boot for the initial one)"`
	FinSent   *FinSent   `cel:"fin_sent" doc:"sockets that this host closed and whose FIN the peer has not acknowledged"`
	Timeouts  *Timeouts  `cel:"timeouts" doc:"how long the kernel waits, worked out from sysctl values"`
	Ports     *Ports     `cel:"ports" doc:"the local ports that connect() may take"`
	Conntrack *Conntrack `cel:"conntrack" doc:"the connection tracking table"`
	Uplink    *Uplink    `cel:"uplink" doc:"the network interface of the IPv4 default route"`
	Boot      *Boot      `cel:"boot" doc:"who loads the sysctl files at boot"`
	Files     *Files     `cel:"files" doc:"sysctl files; files.lines(\"KEY\") lists the lines that set a key, masked files left out"`

	Connections *Connections `cel:"connections" doc:"ESTABLISHED connections that were looked at one by one: all of them, or a random part of many"`
	Peers       []*Peer      `cel:"peers" doc:"the 32 remote addresses with most bytes in the window (most connections without a window), among the connections looked at; loopback left out"`

	Listeners    []*Listener       `cel:"listeners" doc:"listening sockets"`
	Destinations []*Destination    `cel:"destinations" doc:"outgoing connections grouped by source address, destination address and destination port"`
	Processes    []*Process        `cel:"processes" doc:"processes that own a listening socket, a socket that is not ESTABLISHED, or an ESTABLISHED one that looks troubled; where the owner is hidden, one entry for its user"`
	Clients      []*Client         `cel:"clients" doc:"users (uid) with outgoing connections from the ephemeral range"`
	Networks     []*Network        `cel:"networks" doc:"source networks (/24, /48) of half-open inbound connections"`
	Interfaces   []*Interface      `cel:"interfaces" doc:"network interfaces of this network namespace, with their effective IPv4 settings"`
	Changed      []*Changed        `cel:"changed" doc:"keys that exist here and whose value is known not to be the kernel's default; see sysctlDefault()"`
	Neighbours   []*NeighbourTable `cel:"neighbours" doc:"neighbour tables of the machine, for IPv4 (ARP) and IPv6; only the initial network namespace shows them"`
	Lines        []*Line           `cel:"lines" doc:"every active line of every sysctl file that is not masked"`
	Units        []*Unit           `cel:"units" doc:"LimitNOFILE= lines of systemd unit files"`
	Settings     []*Setting        `cel:"settings" doc:"every key that the sysctl files set, with what each loader leaves; files of the boot that are not there (kernel command line, credentials) are not looked at"`
	BadValues    []*BadValue       `cel:"bad_values" doc:"values, live or of a line, that apply refuses to write"`

	values sysctlValues
}

// Window says how far apart the two snapshots are.
type Window struct {
	Seconds *float64 `cel:"seconds" window:"yes" doc:"length of the window in seconds; unknown when one snapshot was taken"`
}

// Machine holds what belongs to the whole machine, also inside a container.
type Machine struct {
	CPUs                     *int64   `cel:"cpus" doc:"CPUs that are online"`
	MemoryBytes              *int64   `cel:"memory_bytes" doc:"MemTotal of /proc/meminfo, bytes"`
	PageBytes                *int64   `cel:"page_bytes" doc:"size of a memory page, bytes"`
	HZ                       *int64   `cel:"hz" doc:"timer ticks per second of the kernel (CONFIG_HZ)"`
	UptimeSeconds            *float64 `cel:"uptime_seconds" doc:"time since boot, seconds"`
	Orphans                  *int64   `cel:"orphans" doc:"orphaned TCP sockets (sockstat TCP orphan)"`
	TCPMemoryPages           *int64   `cel:"tcp_memory_pages" doc:"pages that TCP holds (sockstat TCP mem); may lag by net.core.mem_pcpu_rsv pages for each CPU"`
	FilesOpen                *int64   `cel:"files_open" doc:"open files, first number of fs.file-nr"`
	FilesMax                 *int64   `cel:"files_max" doc:"fs.file-max, third number of fs.file-nr"`
	SoftnetProcessed         *int64   `cel:"softnet_processed" window:"yes" doc:"packets that all CPUs handled in the window"`
	SoftnetDropped           *int64   `cel:"softnet_dropped" window:"yes" doc:"packets dropped in the window because a per-CPU backlog was full"`
	SoftnetDroppedPerSecond  *float64 `cel:"softnet_dropped_per_second" window:"yes" doc:"the same, per second"`
	SoftnetSqueezed          *int64   `cel:"softnet_squeezed" window:"yes" doc:"times in the window that a CPU ended a round of receiving with packets left, because its budget or its time was used up"`
	SoftnetSqueezedPerSecond *float64 `cel:"softnet_squeezed_per_second" window:"yes" doc:"the same, per second"`
	SoftnetSqueezedCPUs      *string  `cel:"softnet_squeezed_cpus" window:"yes" doc:"the CPUs that did so, with their numbers, as text"`
	SoftnetDroppedCPUs       *string  `cel:"softnet_dropped_cpus" window:"yes" doc:"the CPUs that dropped, with their numbers, as text"`
}

// Netns describes the examined network namespace.
type Netns struct {
	Initial *bool `cel:"initial" doc:"true in the initial network namespace, false in a container's"`
}

// Sockets counts the TCP sockets of the examined network namespace.
type Sockets struct {
	Established *int64 `cel:"established" doc:"ESTABLISHED: data can flow"`
	SynSent     *int64 `cel:"syn_sent" doc:"SYN_SENT: connect() waits for an answer"`
	SynRecv     *int64 `cel:"syn_recv" doc:"SYN_RECV: half-open inbound connections"`
	FinWait1    *int64 `cel:"fin_wait1" doc:"FIN_WAIT1: we closed, our FIN is not acknowledged"`
	FinWait2    *int64 `cel:"fin_wait2" doc:"FIN_WAIT2: we closed, the peer has not"`
	TimeWait    *int64 `cel:"time_wait" doc:"TIME_WAIT: closed by both sides, we closed first; 60 s"`
	Close       *int64 `cel:"close" doc:"CLOSE: no connection"`
	CloseWait   *int64 `cel:"close_wait" doc:"CLOSE_WAIT: the peer closed, our program has not"`
	LastAck     *int64 `cel:"last_ack" doc:"LAST_ACK: both closed, the peer first; our FIN is not acknowledged"`
	Listen      *int64 `cel:"listen" doc:"LISTEN"`
	Closing     *int64 `cel:"closing" doc:"CLOSING: both closed at the same moment"`
	Total       *int64 `cel:"total" doc:"all of them"`
	Mini        *int64 `cel:"mini" doc:"sockstat tw: TIME_WAIT and orphan FIN_WAIT2 mini-sockets, which count against tcp_max_tw_buckets"`

	FinWait2Unowned      *int64   `cel:"fin_wait2_unowned" doc:"FIN_WAIT2 sockets that no process holds"`
	FinWait2Peers        *string  `cel:"fin_wait2_peers" doc:"top peers of the FIN_WAIT2 sockets, as text"`
	TimeWaitListenShare  *float64 `cel:"time_wait_listen_share" doc:"share of TIME_WAIT whose local port has a listener (0..1)"`
	TimeWaitListeners    *string  `cel:"time_wait_listeners" doc:"top local listening ports among TIME_WAIT, as text"`
	TimeWaitDestinations *string  `cel:"time_wait_destinations" doc:"top destinations among TIME_WAIT, as text"`
	LargestBacklog       *int64   `cel:"largest_backlog" doc:"largest backlog of any listener"`
	SynRecvListener      *string  `cel:"syn_recv_listener" doc:"local port with most half-open connections, as text: \":8080\""`
	SynRecvAddresses     *int64   `cel:"syn_recv_addresses" doc:"distinct source addresses of half-open connections"`
}

// Ports describes the local ports that connect() may take.
type Ports struct {
	Low     *int64   `cel:"low" doc:"first port of net.ipv4.ip_local_port_range"`
	High    *int64   `cel:"high" doc:"last port of net.ipv4.ip_local_port_range"`
	Size    *int64   `cel:"size" doc:"ports of the range less those in net.ipv4.ip_local_reserved_ports"`
	Held    *int64   `cel:"held" doc:"ports of the range that listeners hold: connect() skips them for every destination"`
	MaxUse  *float64 `cel:"max_use" doc:"largest share of the range in use towards one destination (0..1); an upper bound below 0.5 where no closer look was needed"`
	Exact   *bool    `cel:"exact" doc:"whether max_use was counted, not bounded"`
	Overlap *string  `cel:"overlap" doc:"listening ports inside the range that are not reserved, comma separated; left out are those that bind(0) may have chosen: 49152 and above, owner not root; empty when there are none"`
	Reserve *string  `cel:"reserve" doc:"value for net.ipv4.ip_local_reserved_ports that keeps what is reserved and adds every listening port from 1024 up, those that bind(0) may have chosen left out; sorted and compressed as the kernel prints it: 5432,8080-8082"`
}

// Listener is one listening socket.
type Listener struct {
	Address          string   `cel:"address" doc:"local address and port"`
	Port             int64    `cel:"port" doc:"local port"`
	Loopback         bool     `cel:"loopback" doc:"bound to 127.0.0.0/8 or ::1 only"`
	Process          string   `cel:"process" doc:"name[pid] of the holders, or the user where they are hidden"`
	UID              int64    `cel:"uid" doc:"user that owns the socket"`
	Queue            int64    `cel:"queue" doc:"connections waiting for accept() now"`
	Backlog          *int64   `cel:"backlog" doc:"limit of the accept queue, fixed at listen(): min(program's backlog, somaxconn); unknown without sock_diag"`
	QueueBefore      *int64   `cel:"queue_before" window:"yes" doc:"connections waiting for accept() at the start of the window"`
	Drops            *int64   `cel:"drops" window:"yes" doc:"connection requests dropped in the window (SK_MEMINFO_DROPS)"`
	DropsTotal       *int64   `cel:"drops_total" doc:"connection requests dropped since the listener was made"`
	DropsPerSecond   *float64 `cel:"drops_per_second" window:"yes" doc:"connection requests dropped per second in the window"`
	SynRecv          *int64   `cel:"syn_recv" doc:"half-open connections on its port"`
	CloseWait        *int64   `cel:"close_wait" doc:"CLOSE_WAIT sockets on its port"`
	CloseWaitUnowned *int64   `cel:"close_wait_unowned" doc:"CLOSE_WAIT sockets on its port that were never accepted (no inode)"`
	InRange          *bool    `cel:"in_range" doc:"its port lies inside ip_local_port_range"`
	Reserved         *bool    `cel:"reserved" doc:"its port is in ip_local_reserved_ports"`
}

// Destination is one (source address, destination address, destination port)
// of outgoing connections. Local ports are shared between destinations.
type Destination struct {
	Address        string   `cel:"address" doc:"destination address and port"`
	Source         string   `cel:"source" doc:"source address"`
	Process        string   `cel:"process" doc:"name[pid] of holders, empty where no socket has an owner any more"`
	Loopback       bool     `cel:"loopback" doc:"source or destination is a loopback address"`
	Used           int64    `cel:"used" doc:"local ports of the range that cannot be taken for a new connection to it; without a closer look (ports.exact is false) at least that many, and fewer than half"`
	Size           int64    `cel:"size" doc:"local ports of the range (ports.size)"`
	Use            float64  `cel:"use" doc:"used / size; see used"`
	Established    *int64   `cel:"established" doc:"ESTABLISHED connections to it"`
	TimeWait       *int64   `cel:"time_wait" doc:"TIME_WAIT sockets to it"`
	TimeWaitShare  *float64 `cel:"time_wait_share" doc:"share of TIME_WAIT among its sockets (0..1)"`
	Other          int64    `cel:"other" doc:"sockets to it in any other state"`
	ReuseApplies   *bool    `cel:"reuse_applies" doc:"whether tcp_tw_reuse lets connect() take over its TIME_WAIT sockets"`
	PerSecond      *float64 `cel:"per_second" doc:"new connections per second that the TIME_WAIT sockets of the last minute prove"`
	Capacity       *float64 `cel:"capacity" doc:"new connections per second that the range allows with the present settings"`
	CapacityReused *float64 `cel:"capacity_reused" doc:"new connections per second that the range would allow with tcp_tw_reuse = 1"`
}

// Process is a process with sockets worth naming, or, where the process is
// hidden from us, all sockets of one user.
type Process struct {
	Name    string  `cel:"name" doc:"name[pid], or \"a process of uid N\" where it is hidden"`
	Hidden  bool    `cel:"hidden" doc:"the holder could not be seen without more privilege"`
	PID     *int64  `cel:"pid" doc:"process id"`
	UID     int64   `cel:"uid" doc:"user"`
	Exe     *string `cel:"exe" doc:"path of the program"`
	Listens bool    `cel:"listens" doc:"owns a listening socket"`

	FDs    *int64 `cel:"fds" doc:"open file descriptors"`
	FDSoft *int64 `cel:"fd_soft" doc:"soft limit of open files"`
	FDHard *int64 `cel:"fd_hard" doc:"hard limit of open files"`

	CloseWait         int64    `cel:"close_wait" doc:"CLOSE_WAIT sockets"`
	CloseWaitOld      *int64   `cel:"close_wait_old" doc:"CLOSE_WAIT sockets that were there at both ends of the window, or whose peer was last heard 60 s ago or more"`
	CloseWaitGrowth   *int64   `cel:"close_wait_growth" window:"yes" doc:"growth of CLOSE_WAIT over the window"`
	CloseWaitSeconds  *float64 `cel:"close_wait_seconds" doc:"for how long at least the oldest CLOSE_WAIT stands"`
	CloseWaitEOF      int64    `cel:"close_wait_eof" doc:"CLOSE_WAIT with Recv-Q 1: the end of file was never read"`
	CloseWaitRead     int64    `cel:"close_wait_read" doc:"CLOSE_WAIT with Recv-Q 0: the end of file was read, but close() was not called"`
	CloseWaitUnread   int64    `cel:"close_wait_unread" doc:"CLOSE_WAIT with Recv-Q above 1: data was never read"`
	CloseWaitLocal    string   `cel:"close_wait_local" doc:"top listening ports of its CLOSE_WAIT sockets, as text; empty where all are outgoing connections"`
	CloseWaitPeers    string   `cel:"close_wait_peers" doc:"top peers of its CLOSE_WAIT sockets, as text; with the port where the connection is outgoing"`
	SynSent           int64    `cel:"syn_sent" doc:"SYN_SENT sockets"`
	SynSentHosts      int64    `cel:"syn_sent_hosts" doc:"distinct destination addresses among SYN_SENT"`
	SynSentPorts      int64    `cel:"syn_sent_ports" doc:"distinct destination ports among SYN_SENT"`
	SynSentPortList   string   `cel:"syn_sent_port_list" doc:"top destination ports among SYN_SENT, as text"`
	SynSentTop        string   `cel:"syn_sent_top" doc:"destination (address and port) with most SYN_SENT"`
	SynSentTopCount   int64    `cel:"syn_sent_top_count" doc:"SYN_SENT sockets to that destination"`
	SynSentTopShare   float64  `cel:"syn_sent_top_share" doc:"share of that destination (0..1)"`
	SynSentRetried    int64    `cel:"syn_sent_retried" doc:"SYN_SENT sockets whose SYN was sent again"`
	SynSentTopRetried int64    `cel:"syn_sent_top_retried" doc:"the same, to the top destination only"`
	FinWait2          int64    `cel:"fin_wait2" doc:"FIN_WAIT2 sockets that it holds (half-closed)"`
	FinWait2Old       *int64   `cel:"fin_wait2_old" window:"yes" doc:"those of them that were there at both ends of the window"`
	FinWait2Peers     string   `cel:"fin_wait2_peers" doc:"top peers of its FIN_WAIT2 sockets, as text"`

	Unread          *int64   `cel:"unread" window:"yes" doc:"ESTABLISHED sockets, among those looked at, with 64 KiB or more in Recv-Q (or 32 KiB and half of the buffer) at both ends of the window, where what waited at the start was still not read at the end"`
	UnreadBytes     *int64   `cel:"unread_bytes" window:"yes" doc:"Recv-Q of these together, bytes"`
	UnreadLargest   *int64   `cel:"unread_largest" window:"yes" doc:"the largest Recv-Q of these, bytes"`
	UnreadPeers     *string  `cel:"unread_peers" window:"yes" doc:"top peers of these, as text"`
	Unsent          *int64   `cel:"unsent" window:"yes" doc:"ESTABLISHED sockets, among those looked at, with 256 KiB or more in Send-Q at both ends of the window, where what waited at the start was still not acknowledged at the end"`
	UnsentDead      *int64   `cel:"unsent_dead" window:"yes" doc:"those of them that send again and get no answer"`
	UnsentReader    *int64   `cel:"unsent_reader" window:"yes" doc:"those of them whose peer does not read: its window is closed, or held back half of the time"`
	UnsentPath      *int64   `cel:"unsent_path" window:"yes" doc:"the rest of them: the path is slower than the program"`
	UnsentBytes     *int64   `cel:"unsent_bytes" window:"yes" doc:"Send-Q of these together, bytes"`
	UnsentPeers     *string  `cel:"unsent_peers" window:"yes" doc:"top peers of these, as text"`
	RcvbufFixed     *int64   `cel:"rcvbuf_fixed" window:"yes" doc:"ESTABLISHED sockets, among those looked at, that receive 1 Mbit/s or more over a round trip of 10 ms or more with a buffer that is neither the initial one nor near tcp_rmem[2], did not grow in the window and is used up: six tenths of its window arrive in each round trip"`
	RcvbufFixedSize *int64   `cel:"rcvbuf_fixed_size" window:"yes" doc:"the most common size of these buffers, bytes"`
	RcvbufFixedRate *float64 `cel:"rcvbuf_fixed_rate" window:"yes" doc:"bytes per second of the fastest of these"`
}

// Client is a user (uid) with outgoing connections from the ephemeral range.
type Client struct {
	UID          int64  `cel:"uid" doc:"user"`
	Process      string `cel:"process" doc:"name[pid] of holders of a sample of the sockets"`
	Sockets      int64  `cel:"sockets" doc:"ESTABLISHED outgoing sockets with a local port in the range"`
	Ports        int64  `cel:"ports" doc:"distinct local ports among them"`
	Destinations int64  `cel:"destinations" doc:"distinct destinations among them"`
	SharedPorts  int64  `cel:"shared_ports" doc:"how many fewer ports than sockets: local ports used towards several destinations"`
}

// Network is one source network of half-open inbound connections.
type Network struct {
	Prefix    string  `cel:"prefix" doc:"the network, /24 for IPv4 and /48 for IPv6"`
	SynRecv   int64   `cel:"syn_recv" doc:"half-open connections from it"`
	Share     float64 `cel:"share" doc:"share of all half-open connections (0..1)"`
	Retried   int64   `cel:"retried" doc:"those whose SYN-ACK was sent again"`
	Addresses int64   `cel:"addresses" doc:"distinct source addresses"`
}

// Unit is one LimitNOFILE= line of a systemd unit file.
type Unit struct {
	Address string `cel:"address" doc:"file:line"`
	Unit    string `cel:"unit" doc:"name of the unit"`
	NoFile  int64  `cel:"nofile" doc:"the hard limit that it asks for; infinity is left out"`
}
