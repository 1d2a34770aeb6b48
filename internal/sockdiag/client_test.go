// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"syscall"
)

// statusMessage builds NLMSG_ERROR or NLMSG_DONE.
func statusMessage(messageType, flags uint16, sequence uint32, errno syscall.Errno) []byte {
	b := appendHeader(nil, messageType, flags, sequence)
	b = binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}
