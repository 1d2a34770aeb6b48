// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// savedSample is the saved form of a Sample: a table of words, which takes a
// fifth of the space that objects would. The heading names the columns, so
// that a later version may have others.
type savedSample struct {
	Established int64    `json:"established"`
	Offset      uint16   `json:"slice_offset"`
	Width       uint16   `json:"slice_width"`
	Cut         bool     `json:"cut,omitempty"`
	Columns     string   `json:"columns"`
	Connections []string `json:"connections"`
}

// unknownWord stands in a table for what is not known, and for none.
const unknownWord = "-"

// identity are the columns before the measures.
func identity() []string {
	return []string{"local", "peer", "uid", "inode", "cookie", "timer", "congestion", "owners"}
}

// MarshalJSON writes the saved form.
func (s *Sample) MarshalJSON() ([]byte, error) {
	columns := identity()
	for m := range Measure(measures) {
		columns = append(columns, m.String())
	}
	saved := savedSample{
		Established: s.Established, Offset: s.Slices.Offset, Width: s.Slices.Width, Cut: s.Cut,
		Columns: strings.Join(columns, " "), Connections: make([]string, 0, len(s.Connections)),
	}
	var line []byte
	for i := range s.Connections {
		line = s.Connections[i].appendWords(line[:0])
		saved.Connections = append(saved.Connections, string(line))
	}
	return json.Marshal(saved)
}

func (c *Connection) appendWords(b []byte) []byte {
	b = appendAddrPort(b, c.Local)
	b = appendAddrPort(append(b, ' '), c.Peer)
	b = strconv.AppendUint(append(b, ' '), uint64(c.UID), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(c.Inode), 10)
	b = strconv.AppendUint(append(b, ' '), c.Cookie, 10)
	b = strconv.AppendUint(append(b, ' '), uint64(c.Timer), 10)
	b = append(append(b, ' '), word(c.Congestion)...)
	b = append(append(b, ' '), word(joinInts(c.Owners))...)
	for m := range Measure(measures) {
		b = append(b, ' ')
		if n, ok := c.Get(m); ok {
			b = strconv.AppendInt(b, n, 10)
		} else {
			b = append(b, unknownWord...)
		}
	}
	return b
}

func appendAddrPort(b []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(b, unknownWord...)
	}
	return a.AppendTo(b)
}

// word makes a text one word: a name with blanks would shift the columns.
func word(s string) string {
	if s = strings.Join(strings.Fields(s), "_"); s == "" {
		return unknownWord
	}
	return s
}

func joinInts(list []int) string {
	var b []byte
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// UnmarshalJSON reads the saved form. Columns that it does not know are left
// alone, those that are missing are unknown.
func (s *Sample) UnmarshalJSON(data []byte) error {
	var saved savedSample
	if err := json.Unmarshal(data, &saved); err != nil {
		return err
	}
	if len(saved.Connections) > maxSample {
		return fmt.Errorf("sample: %d connections, more than %d", len(saved.Connections), maxSample)
	}
	*s = Sample{
		Established: saved.Established, Slices: Slices{Offset: saved.Offset, Width: saved.Width}, Cut: saved.Cut,
		Connections: make([]Connection, len(saved.Connections)),
	}
	columns, byName := strings.Fields(saved.Columns), make(map[string]Measure, measures)
	for m := range Measure(measures) {
		byName[m.String()] = m
	}
	for i, line := range saved.Connections {
		words := strings.Fields(line)
		if len(words) != len(columns) {
			return fmt.Errorf("sample: connection %d has %d words, want %d", i, len(words), len(columns))
		}
		for j, w := range words {
			c, column := &s.Connections[i], columns[j]
			if m, ok := byName[column]; ok && !c.setMeasure(m, w) || !ok && !c.setIdentity(column, w) {
				return fmt.Errorf("sample: %q of connection %d is no %s", clip(w), i, clip(column))
			}
		}
	}
	return nil
}

// setIdentity sets what one of the columns before the measures holds, false
// when the word does not fit into it.
func (c *Connection) setIdentity(column, w string) (ok bool) {
	if w == unknownWord {
		return true
	}
	var err error
	switch column {
	case "local":
		c.Local, err = netip.ParseAddrPort(w)
	case "peer":
		c.Peer, err = netip.ParseAddrPort(w)
	case "uid":
		err = setUint(&c.UID, w, 32)
	case "inode":
		err = setUint(&c.Inode, w, 32)
	case "cookie":
		err = setUint(&c.Cookie, w, 64)
	case "timer":
		err = setUint(&c.Timer, w, 8)
	case "congestion":
		c.Congestion = w
	case "owners":
		c.Owners, err = splitInts(w)
	}
	return err == nil
}

// splitInts reads what joinInts wrote.
func splitInts(w string) (list []int, err error) {
	for text := range strings.SplitSeq(w, ",") {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || len(list) >= maxOwners {
			return nil, fmt.Errorf("%q is no short list of numbers", clip(w))
		}
		list = append(list, int(n))
	}
	return list, nil
}

// setMeasure sets a measure, false when the word is no number.
func (c *Connection) setMeasure(m Measure, w string) (ok bool) {
	if w == unknownWord {
		return true
	}
	n, err := strconv.ParseInt(w, 10, 64)
	if err != nil || n < 0 {
		return false
	}
	c.Set(m, n)
	return true
}

func setUint[T ~uint8 | ~uint32 | ~uint64](to *T, w string, bits int) error {
	n, err := strconv.ParseUint(w, 10, bits)
	*to = T(n)
	return err
}

// clip bounds what an error quotes from a hostile file.
func clip(s string) string {
	const maxQuoted = 48
	return s[:min(len(s), maxQuoted)]
}
