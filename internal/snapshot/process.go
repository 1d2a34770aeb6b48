// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"os"
	"strconv"

	"github.com/tcptune/tcptune/internal/procnet"
)

// Process is a process that holds a socket worth naming. Nil fields could not
// be read.
type Process struct {
	Name   string  `json:"name"` // command name, as in /proc/PID/comm
	Exe    *string `json:"exe,omitempty"`
	UID    uint32  `json:"uid"` // effective
	FDs    int64   `json:"fds"`
	FDSoft *int64  `json:"fd_soft,omitempty"`
	FDHard *int64  `json:"fd_hard,omitempty"`
}

// describe reads what reports say of one process; false when it is gone.
func (h *holders) describe(r root, pid int) (Process, bool) {
	dir := "proc/" + strconv.Itoa(pid)
	s, err := parse(r, dir+"/status", procnet.ParseStatus)
	if err != nil || len(s.UIDs) < 2 {
		return Process{}, false
	}
	p := Process{Name: s.Name, UID: s.UIDs[1], FDs: h.found[pid]}
	if path, err := r.path(dir); err == nil {
		if exe, err := os.Readlink(path + "/exe"); err == nil {
			p.Exe = &exe
		}
	}
	if limits, err := parse(r, dir+"/limits", procnet.ParseLimits); err == nil {
		if l, ok := limits["Max open files"]; ok {
			p.FDSoft, p.FDHard = &l.Soft, &l.Hard
		}
	}
	return p, true
}
