// SPDX-License-Identifier: Apache-2.0

package ctnetlink

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// receiveBufferLen is the largest datagram that a dump is cut into
// (netlink_recvmsg in net/netlink/af_netlink.c caps it below this).
const receiveBufferLen = 32 << 10

// patience is how long the kernel may take for one datagram. It fills them
// while they are received.
const patience = time.Second

// Count walks the table until its end, or until ctx or the budget ends: the
// Table is not Complete then. Where the kernel lacks ctnetlink, or wants more
// privilege, the error is its errno and nothing was counted.
func Count(ctx context.Context, budget time.Duration) (Table, error) {
	t, err := count(ctx, time.Now().Add(budget))
	if err != nil {
		return Table{}, fmt.Errorf("dump connection tracking table: %w", err)
	}
	return t, nil
}

func count(ctx context.Context, deadline time.Time) (Table, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return Table{}, err
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return Table{}, err
	}
	// Connected to the kernel, so that no other process can slip messages in.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return Table{}, err
	}
	if _, err := unix.Write(fd, request()); err != nil {
		return Table{}, err
	}
	var t Table
	buffer := make([]byte, receiveBufferLen)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		n, err := unix.Read(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Table{}, err
		}
		if done, err := t.datagram(buffer[:n]); done || err != nil {
			t.Complete = done
			return t, err
		}
	}
	return t, nil
}

// request is a dump of the entries of IPv4 and IPv6.
func request() []byte {
	const length = unix.SizeofNlMsghdr + genericHeaderLen
	b := make([]byte, 0, length)
	b = binary.NativeEndian.AppendUint32(b, length)
	b = binary.NativeEndian.AppendUint16(b, unix.NFNL_SUBSYS_CTNETLINK<<8|1) // IPCTNL_MSG_CT_GET
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = binary.NativeEndian.AppendUint32(b, 1) // sequence: the only one of this socket
	b = binary.NativeEndian.AppendUint32(b, 0) // port id, the kernel knows us
	return append(b, unix.AF_UNSPEC, 0, 0, 0)  // struct nfgenmsg, NFNETLINK_V0
}

// datagram counts the entries of one datagram and reports whether it held the
// end of the dump.
func (t *Table) datagram(b []byte) (done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return false, err
	}
	for _, m := range messages {
		switch m.Header.Type {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			if len(m.Data) >= 4 {
				if code := int32(binary.NativeEndian.Uint32(m.Data)); code < 0 {
					return false, syscall.Errno(-code)
				}
			}
			return true, nil
		case unix.NFNL_SUBSYS_CTNETLINK << 8: // IPCTNL_MSG_CT_NEW
			if err := t.add(m.Data); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}
