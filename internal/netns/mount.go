// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ID tells network namespaces apart: the file that stands for one, see
// namespaces(7).
type ID struct {
	Major, Minor uint32 // of the device
	Inode        uint64
}

// String is the link text of /proc/PID/ns/net.
func (id ID) String() string { return fmt.Sprintf("net:[%d]", id.Inode) }

// A Mount is a file that a network namespace is mounted on, which keeps it
// alive without a process.
type Mount struct {
	Path string
	ID   ID
}

// Bounds of the reading of /proc/self/mountinfo.
const (
	maxMountLine  = 64 << 10
	maxMountBytes = 64 << 20
)

// ParseMounts finds the network namespaces in /proc/PID/mountinfo, see
// proc_pid_mountinfo(5). Lines that it does not understand are left out.
func ParseMounts(r io.Reader) ([]Mount, error) {
	var mounts []Mount
	scanner := bufio.NewScanner(io.LimitReader(r, maxMountBytes))
	scanner.Buffer(make([]byte, 0, 4096), maxMountLine)
	for scanner.Scan() {
		if m, ok := parseMount(scanner.Text()); ok {
			mounts = append(mounts, m)
		}
	}
	return mounts, scanner.Err()
}

// parseMount reads "36 35 0:4 net:[4026532281] /run/netns/blue rw shared:1 - nsfs nsfs rw".
func parseMount(line string) (Mount, bool) {
	mount, super, ok := strings.Cut(line, " - ")
	f := strings.Fields(mount)
	if !ok || len(f) < 5 || !strings.HasPrefix(super, "nsfs ") {
		return Mount{}, false
	}
	inode, ok := parseLink(f[3])
	major, minor, device := strings.Cut(f[2], ":")
	if !ok || !device {
		return Mount{}, false
	}
	a, err1 := strconv.ParseUint(major, 10, 32)
	b, err2 := strconv.ParseUint(minor, 10, 32)
	return Mount{unescapeMount(f[4]), ID{uint32(a), uint32(b), inode}}, err1 == nil && err2 == nil
}

// parseLink reads "net:[4026532281]".
func parseLink(text string) (inode uint64, ok bool) {
	number, ok1 := strings.CutPrefix(text, "net:[")
	number, ok2 := strings.CutSuffix(number, "]")
	inode, err := strconv.ParseUint(number, 10, 64)
	return inode, ok1 && ok2 && err == nil
}

// unescapeMount turns \040 into a blank.
func unescapeMount(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if code, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
