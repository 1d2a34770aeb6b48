// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestBytes(t *testing.T) {
	u16 := binary.NativeEndian.AppendUint16
	u32 := binary.NativeEndian.AppendUint32
	head := func(length uint32, messageType uint16) []byte {
		b := u16(u16(u32(nil, length), messageType), 0x301)
		return append(u32(b, 7), 0, 0, 0, 0)
	}
	bytecode := u16([]byte{2, 8}, 20)
	bytecode = u16(append(bytecode, 0, 0), 1024)
	bytecode = u16(append(bytecode, 3, 8), 12)
	bytecode = u16(append(bytecode, 0, 0), 2048)
	attribute := append(u16(u16(nil, 20), 1), bytecode...)

	r := Request{States: StatesOf(StateListen), Extensions: WithInfo | WithCongestion | WithMemory}
	filtered := r
	filtered.Filter.SourcePorts = PortRange{1024, 2048}

	v1 := append([]byte{2, 0, 0, 0x4a}, make([]byte, 48)...)
	v1 = u32(u32(v1, 0x400), 0)
	v2 := append(u32([]byte{10, 6, 0x4a, 0}, 0x400), make([]byte, 48)...)
	for _, tt := range []struct {
		name      string
		want, got []byte
	}{
		{"v1", append(head(76, 18), v1...), r.appendV1(nil, 7)},
		{"v1 with filter", append(append(head(96, 18), v1...), attribute...), filtered.appendV1(nil, 7)},
		{"v2", append(head(72, 20), v2...), r.appendV2(nil, 7, afINET6)},
		{"v2 with filter", append(append(head(92, 20), v2...), attribute...), filtered.appendV2(nil, 7, afINET6)},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestRequestRefusal(t *testing.T) {
	for _, r := range []Request{
		{},
		{States: 0xffffffff},
		{States: 1},
		{States: 1 << 12},
		{States: AllStates, Extensions: 1},
		{States: AllStates, Filter: Filter{SourcePorts: PortRange{9, 8}}},
	} {
		for _, d := range []dumper{&Client{}, ProcTable{Dir: "testdata"}} {
			summary, err := d.Dump(t.Context(), r, func(*Socket) error {
				t.Errorf("%T: a socket for request %+v", d, r)
				return nil
			})
			if err == nil || summary.Complete || summary.Method == "" {
				t.Errorf("%T: request %+v: %+v, %v; want an error", d, r, summary, err)
			}
		}
	}
}
