// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// MaxFileBytes is the most that is read of one configuration file. systemd-sysctl
// gives up on a file at a line of this length.
const MaxFileBytes = 1 << 20

// A Line is an assignment or an exclusion in a configuration file, in the syntax of
// sysctl.d(5) that systemd-sysctl and procps sysctl share.
type Line struct {
	File   string // where the line stands: the file itself, not a link to it
	Number int    // from 1
	Key    Key
	// RawKey is the text before "=" as written, a leading dash included. A blank after
	// the dash is nothing to systemd and part of the key to procps.
	RawKey string
	// Value is the text after the first "=" without the blanks around it. There are no
	// quotes and no comments in it; loaders write it as it is.
	Value string
	// HasValue reports whether there is a "=". "key =" has an empty value: systemd and
	// procps 4 write an empty line then, which clears a list and is no number; procps
	// 3.3 and busybox write nothing.
	HasValue bool
	// IgnoreErrors is "-key = value": the loader goes on quietly if it cannot write.
	IgnoreErrors bool
	// Exclude is "-key": patterns elsewhere do not apply to key.
	Exclude bool
	// Glob reports whether Key is a pattern.
	Glob bool
	// Masked reports whether every name under which the file is found is masked, so
	// that no loader reads the line. Only FindLines sets it.
	Masked bool
}

// String writes the line in the way that every loader reads alike, as far as its
// content allows: "net.ipv4.tcp_fin_timeout = 30".
func (l Line) String() string {
	text := l.Key.String()
	switch {
	case l.IgnoreErrors, l.Exclude:
		text = "-" + text
	case strings.IndexAny(text, "-#;") == 0:
		text = "/" + l.Key.Path() // else a dash or a comment
	}
	if l.HasValue {
		text = strings.TrimRight(text+" = "+l.Value, " ")
	}
	return text
}

// A Problem is a part of a configuration file, or a whole one, that the loaders do not
// read as an assignment, or do not read alike.
type Problem struct {
	File   string
	Line   int    // from 1; 0 if the whole file is meant
	Text   string // the line as written, shortened; any bytes
	Reason string
}

// ParseLines parses a configuration file. A line that cannot be read is a Problem and
// does not stop the others, as with the loaders; so is what is left of a file that is
// too long or fails to read. File is only copied into the results.
func ParseLines(file string, r io.Reader) ([]Line, []Problem) {
	p := lineParser{file: file}
	in := bufio.NewReader(io.LimitReader(r, MaxFileBytes+1))
	for size := 0; ; {
		text, err := in.ReadString('\n')
		p.number++
		size += len(text)
		switch {
		case size > MaxFileBytes:
			p.refuse(text, "the file is longer than 1 MiB: this line and the rest are not read")
			return p.lines, p.problems
		case err != nil && err != io.EOF:
			p.refuse(text, "read: "+err.Error())
			return p.lines, p.problems
		}
		p.parse(strings.TrimSuffix(text, "\n"))
		if err == io.EOF {
			return p.lines, p.problems
		}
	}
}

// A lineParser collects what ParseLines returns.
type lineParser struct {
	file     string
	number   int
	lines    []Line
	problems []Problem
}

func (p *lineParser) refuse(text, reason string) {
	const longest = 200
	if len(text) > longest {
		text = text[:longest]
	}
	p.problems = append(p.problems, Problem{File: p.file, Line: p.number, Text: text, Reason: reason})
}

// blanks is systemd's WHITESPACE; a carriage return before the end of the line is one.
const blanks = " \t\r\n"

func (p *lineParser) parse(text string) {
	trimmed := strings.Trim(text, blanks)
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
		return
	}
	line, err := parseLine(trimmed)
	if err != nil {
		p.refuse(text, err.Error())
		return
	}
	line.File, line.Number = p.file, p.number
	p.lines = append(p.lines, line)
}

// parseLine parses a line that is neither blank nor a comment.
func parseLine(text string) (Line, error) {
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		return Line{}, errors.New("a byte order mark is part of the key: no loader finds it")
	case strings.ContainsAny(text, "\r\x00"):
		return Line{}, errors.New("a carriage return or NUL inside the line: systemd reads two lines here, procps one")
	}
	raw, value, hasValue := strings.Cut(text, "=")
	line := Line{RawKey: strings.Trim(raw, blanks), Value: strings.Trim(value, blanks), HasValue: hasValue}
	name, dash := strings.CutPrefix(line.RawKey, "-")
	switch {
	case dash && hasValue:
		line.IgnoreErrors = true
	case dash:
		line.Exclude = true
	case !hasValue:
		return Line{}, errors.New(`no "=" after the key`)
	}
	var err error
	if line.Key, err = ParseKey(strings.Trim(name, blanks)); err != nil {
		return Line{}, err
	}
	line.Glob = line.Key.Glob()
	return line, nil
}
