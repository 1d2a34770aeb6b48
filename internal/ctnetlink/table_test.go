// SPDX-License-Identifier: Apache-2.0

package ctnetlink

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// attribute is a struct nlattr with its value, padded.
func attribute(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(attributeHeaderLen+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, (4-len(b)%4)%4)...)
}

// entry is a message with attributes behind struct nfgenmsg.
func entry(attributes ...[]byte) []byte {
	b := []byte{2, 0, 0, 0}
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

const nested = 1 << 15 // NLA_F_NESTED

func tcp(state byte) []byte {
	return attribute(ctaProtoInfo|nested, attribute(ctaProtoInfoTCP|nested, attribute(ctaProtoInfoTCPState, state)...)...)
}

func status(bits byte) []byte { return attribute(ctaStatus, 0, 0, 0, bits) }

func TestAdd(t *testing.T) {
	var got Table
	for _, message := range [][]byte{
		entry(status(1<<3), tcp(3)),
		entry(attribute(99, 1, 2, 3, 4, 5), status(1<<4|1<<3), tcp(7)), // masqueraded
		entry(status(1<<5), tcp(7)),                                    // port forwarded
		entry(status(0), attribute(ctaProtoInfo|nested, attribute(2|nested, 1)...)),
		entry(), // UDP
		entry(tcp(10)),
	} {
		if err := got.add(message); err != nil {
			t.Fatal(err)
		}
	}
	want := Table{Entries: 6, Translated: 2, States: map[string]int64{"ESTABLISHED": 1, "TIME_WAIT": 2, "other": 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAddRefuses(t *testing.T) {
	for name, message := range map[string][]byte{
		"short header":     {2, 0, 0},
		"short attribute":  entry([]byte{8, 0}),
		"attribute length": entry([]byte{3, 0, 1, 0}),
		"beyond the end":   entry([]byte{9, 0, 1, 0, 0, 0, 0, 0}),
		"nested":           entry(attribute(ctaProtoInfo, 9, 0, 1, 0)),
		"twice nested":     entry(attribute(ctaProtoInfo, attribute(ctaProtoInfoTCP, 9, 0, 1, 0)...)),
	} {
		var table Table
		if err := table.add(message); !errors.Is(err, errMalformed) || table.Entries != 0 {
			t.Errorf("%s: error %v, table %+v", name, err, table)
		}
	}
}

func FuzzAdd(f *testing.F) {
	f.Add(entry(status(1<<4), tcp(7)))
	f.Add(entry())
	f.Fuzz(func(t *testing.T, message []byte) {
		var table Table
		err := table.add(message)
		if (err == nil) != (table.Entries == 1) || table.Translated > table.Entries || len(table.States) > 1 {
			t.Fatalf("error %v, table %+v", err, table)
		}
	})
}
