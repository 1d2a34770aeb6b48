// SPDX-License-Identifier: Apache-2.0

package ctnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Table counts the entries of a connection tracking table.
type Table struct {
	Entries    int64            // entries that were looked at
	States     map[string]int64 // of these, TCP connections by the tracker's state
	Translated int64            // of these, entries whose source or destination is translated (NAT)
	Complete   bool             // the walk reached the end of the table
}

// states are enum tcp_conntrack of include/uapi/linux/netfilter/nf_conntrack_tcp.h.
var states = [...]string{
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
}

// Attributes of an entry: enum ctattr_type, ctattr_protoinfo and
// ctattr_protoinfo_tcp of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
const (
	ctaStatus            = 3
	ctaProtoInfo         = 4
	ctaProtoInfoTCP      = 1
	ctaProtoInfoTCPState = 1

	ipsNAT = 1<<4 | 1<<5 // IPS_SRC_NAT and IPS_DST_NAT

	attributeHeaderLen = 4         // struct nlattr
	attributeTypeMask  = 1<<14 - 1 // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
	genericHeaderLen   = 4         // struct nfgenmsg
)

var errMalformed = errors.New("malformed conntrack message")

// add counts one entry: a struct nfgenmsg and the attributes behind it.
func (t *Table) add(message []byte) error {
	if len(message) < genericHeaderLen {
		return fmt.Errorf("%w: %d bytes of struct nfgenmsg", errMalformed, len(message))
	}
	state := ""
	translated := false
	err := attributes(message[genericHeaderLen:], func(kind uint16, value []byte) error {
		switch kind {
		case ctaStatus:
			translated = len(value) >= 4 && binary.BigEndian.Uint32(value)&ipsNAT != 0
		case ctaProtoInfo:
			var err error
			state, err = tcpState(value)
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.Entries++
	if translated {
		t.Translated++
	}
	if state != "" {
		if t.States == nil {
			t.States = make(map[string]int64)
		}
		t.States[state]++
	}
	return nil
}

// tcpState reads the state from CTA_PROTOINFO; "" for another protocol.
func tcpState(info []byte) (state string, err error) {
	err = attributes(info, func(kind uint16, value []byte) error {
		if kind != ctaProtoInfoTCP {
			return nil
		}
		return attributes(value, func(kind uint16, value []byte) error {
			if kind == ctaProtoInfoTCPState && len(value) >= 1 {
				state = "other"
				if int(value[0]) < len(states) {
					state = states[value[0]]
				}
			}
			return nil
		})
	})
	return state, err
}

// attributes calls fn for each attribute of b.
func attributes(b []byte, fn func(kind uint16, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < attributeHeaderLen {
			return fmt.Errorf("%w: %d bytes left for an attribute", errMalformed, len(b))
		}
		length := int(binary.NativeEndian.Uint16(b))
		if length < attributeHeaderLen || length > len(b) {
			return fmt.Errorf("%w: attribute length %d with %d bytes left", errMalformed, length, len(b))
		}
		if err := fn(binary.NativeEndian.Uint16(b[2:])&attributeTypeMask, b[attributeHeaderLen:length]); err != nil {
			return err
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return nil
}
