// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"context"

	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"
)

// dial opens a netlink socket that is connected to the kernel, so that no
// other process can slip messages into a dump.
func dial() (conn, error) {
	c, err := socket.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG, "sock_diag", nil)
	if err != nil {
		return nil, err
	}
	if _, err := c.Connect(context.Background(), &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
