// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxKeyLength is the most bytes that a key may have. The longest names of the kernel
// have about 80.
const MaxKeyLength = 512

// A Key names a kernel parameter by its file below /proc/sys, or several when it
// contains a glob (see [Key.Glob]). Keys are comparable; the zero Key is invalid and
// names nothing.
type Key struct {
	path string // relative to /proc/sys, clean, never with a component . or ..
}

// ParseKey parses a key as the loaders of sysctl.d(5) do: the first separator decides.
// If it is a dot, every dot is a separator and every slash stands for a dot
// ("net.ipv4.conf.eth0/100.rp_filter"); if it is a slash, the rest is literal
// ("net/ipv4/conf/eth0.100/rp_filter"). Separators at either end and repeated ones do
// not matter to them and do not here.
//
// ParseKey refuses what could leave /proc/sys ("..") and what no key contains: blanks,
// control and other unprintable characters, more than [MaxKeyLength] bytes.
func ParseKey(s string) (Key, error) {
	k, err := parseKey(s)
	if err != nil {
		return Key{}, fmt.Errorf("parse key %s: %w", quote(s), err)
	}
	return k, nil
}

func parseKey(s string) (Key, error) {
	if s == "" {
		return Key{}, errors.New("it is empty")
	}
	if !utf8.ValidString(s) {
		return Key{}, errors.New("it is not valid UTF-8")
	}
	for _, c := range s {
		if unicode.IsSpace(c) || !unicode.IsPrint(c) {
			return Key{}, fmt.Errorf("it contains the character %+q; a key is made of printable characters without blanks", c)
		}
	}
	if slices.Contains(strings.Split(s, "/"), "..") {
		return Key{}, errOutside // also where the swap below makes it harmless
	}
	s = slashed(s)
	var components []string
	for component := range strings.SplitSeq(s, "/") {
		switch component {
		case "":
		case ".", "..":
			return Key{}, errOutside
		default:
			components = append(components, component)
		}
	}
	if len(components) == 0 {
		return Key{}, errors.New("it consists of separators only")
	}
	clean := strings.Join(components, "/")
	if len(clean) > MaxKeyLength {
		return Key{}, fmt.Errorf("it has %d bytes, at most %d are allowed", len(clean), MaxKeyLength)
	}
	return Key{clean}, nil
}

var errOutside = errors.New("a component . or .. could leave /proc/sys")

// slashed returns the path below /proc/sys that loaders make of a key: if the first
// separator is a dot, dots and slashes change places.
func slashed(s string) string {
	if i := strings.IndexAny(s, "./"); i >= 0 && s[i] == '.' {
		return swapSeparators(s)
	}
	return s
}

// swapSeparators turns every dot into a slash and every slash into a dot.
func swapSeparators(s string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return c
	}, s)
}

// MustKey is ParseKey for keys written in source code: it panics where ParseKey
// returns an error. It is not for input.
func MustKey(s string) Key {
	k, err := ParseKey(s)
	if err != nil {
		panic(err)
	}
	return k
}

// String returns the dotted form, in which a dot inside a component is a slash:
// "net.ipv4.conf.eth0/100.rp_filter". A key whose first component contains a dot (the
// kernel has none) has no dotted form and keeps slashes, with one in front. ParseKey
// reads both back. The zero Key is "".
func (k Key) String() string {
	first, _, _ := strings.Cut(k.path, "/")
	if strings.Contains(first, ".") {
		return "/" + k.path
	}
	return swapSeparators(k.path)
}

// Path returns the name of the file below /proc/sys: "net/ipv4/conf/eth0.100/rp_filter".
func (k Key) Path() string { return k.path }

// Short returns the last component: "tcp_fin_timeout".
func (k Key) Short() string { return k.path[strings.LastIndexByte(k.path, '/')+1:] }

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k.path == "" }

// Glob reports whether k is a pattern of glob(7): whether it contains *, ? or [.
func (k Key) Glob() bool { return strings.ContainsAny(k.path, "*?[") }

// Match reports whether the pattern k matches key as glob(7) does: wildcards stay
// inside one component and do not match a dot at its beginning. A key without
// wildcards matches itself; a malformed pattern matches nothing.
func (k Key) Match(key Key) bool {
	if !k.Glob() {
		return k == key
	}
	patterns := strings.Split(k.path, "/")
	components := strings.Split(key.path, "/")
	if len(patterns) != len(components) {
		return false
	}
	for i, pattern := range patterns {
		if strings.HasPrefix(components[i], ".") && !strings.HasPrefix(pattern, ".") {
			return false
		}
		// glob(7) negates with [!a], package path with [^a].
		ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), components[i])
		if err != nil || !ok {
			return false
		}
	}
	return true
}

// Compare orders keys by path, for slices.SortFunc.
func (k Key) Compare(other Key) int { return strings.Compare(k.path, other.path) }

// MarshalText returns the dotted form, so that keys are strings in JSON. The zero Key
// is an error.
func (k Key) MarshalText() ([]byte, error) {
	if k.IsZero() {
		return nil, errors.New("marshal key: it is empty")
	}
	return []byte(k.String()), nil
}

// UnmarshalText is ParseKey.
func (k *Key) UnmarshalText(text []byte) error {
	parsed, err := ParseKey(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// quote makes input fit for an error message: escaped and short.
func quote(s string) string {
	const longest = 80
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strconv.Quote(s)
}
