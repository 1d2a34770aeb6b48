// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"time"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/procnet"
)

// Snapshot is one instant of one network namespace of one host. A nil or
// absent part was not read; Gaps says why.
type Snapshot struct {
	Taken      time.Time         `json:"taken"`
	Uptime     *float64          `json:"uptime_seconds,omitempty"` // seconds since boot; the clock that windows are measured with
	Host       *Host             `json:"host,omitempty"`
	Sockets    *Sockets          `json:"sockets,omitempty"`
	Counters   procnet.Counters  `json:"counters,omitempty"`
	Sockstat   procnet.Sockstat  `json:"sockstat,omitempty"`
	Softnet    []Softnet         `json:"softnet,omitempty"`
	Conntrack  *Conntrack        `json:"conntrack,omitempty"`
	Neighbours []NeighbourTable  `json:"neighbours,omitempty"`
	Interfaces []Interface       `json:"interfaces,omitempty"`
	Uplink     *Uplink           `json:"uplink,omitempty"`
	Files      *OpenFiles        `json:"open_files,omitempty"`
	Sysctls    map[string]string `json:"sysctls,omitempty"` // live values by dotted key, blanks folded
	Absent     []string          `json:"absent_sysctls,omitempty"`
	Lines      []Line            `json:"sysctl_lines,omitempty"`
	LinesRead  bool              `json:"sysctl_lines_read"` // the sysctl files were read; no line then means that none is set
	Config     *Config           `json:"sysctl_config,omitempty"`
	Units      []Unit            `json:"units,omitempty"`
	UnitsRead  bool              `json:"units_read"`
	Processes  map[int]Process   `json:"processes,omitempty"` // by pid: holders of the sockets that carry owners
	Gaps       []Gap             `json:"gaps,omitempty"`
	Cost       time.Duration     `json:"cost_nanoseconds"` // how long collecting took
}

// Host identifies the machine and the network namespace.
type Host struct {
	Hostname    string       `json:"hostname"`
	Kernel      string       `json:"kernel"`            // uname -r
	Machine     string       `json:"machine,omitempty"` // uname -m
	BootID      string       `json:"boot_id,omitempty"`
	Netns       string       `json:"netns,omitempty"` // link text of /proc/thread-self/ns/net: net:[4026531833]
	Initial     *bool        `json:"initial_netns,omitempty"`
	Pid1        *bool        `json:"pid1_netns,omitempty"` // process 1 lives in this network namespace
	Namespace   *netns.Label `json:"namespace,omitempty"`  // its name, where it was asked for
	CPUs        *int64       `json:"cpus,omitempty"`
	MemoryBytes *int64       `json:"memory_bytes,omitempty"`
	PageBytes   *int64       `json:"page_bytes,omitempty"`
	HZ          *int64       `json:"hz,omitempty"`        // timer ticks per second, CONFIG_HZ
	Privilege   string       `json:"privilege,omitempty"` // root or user; empty for a directory tree
}

// Softnet is one CPU's row of /proc/net/softnet_stat; machine-wide.
type Softnet struct {
	CPU       int    `json:"cpu"`
	Processed uint64 `json:"processed"`
	Dropped   uint64 `json:"dropped"`
	Squeezed  uint64 `json:"squeezed"`
}

// OpenFiles is fs.file-nr.
type OpenFiles struct {
	Open int64 `json:"open"`
	Max  int64 `json:"max"`
}

// Unit is one LimitNOFILE= line of a systemd unit file.
type Unit struct {
	File   string `json:"file"`
	Number int    `json:"line"`
	Name   string `json:"unit"`
	NoFile int64  `json:"nofile"` // the hard limit
}

// A Gap is something that could not be read.
type Gap struct {
	Source string `json:"source"`           // the file or interface
	Reason string `json:"reason"`           // why not
	Remedy string `json:"remedy,omitempty"` // what would make it readable
}

// sample is the sample of ESTABLISHED sockets, nil when there is none.
func (s *Snapshot) sample() *Sample {
	if s == nil || s.Sockets == nil {
		return nil
	}
	return s.Sockets.Sample
}

// gap notes what could not be read; the same gap only once.
func (s *Snapshot) gap(source string, err error, remedy string) {
	if g := (Gap{Source: source, Reason: reason(err), Remedy: remedy}); !slices.Contains(s.Gaps, g) {
		s.Gaps = append(s.Gaps, g)
	}
}
