// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// maxProcLine bounds a line of /proc/net/tcp{,6}; the longest that the
	// kernel writes has about 200 bytes.
	maxProcLine = 32 << 10
	// maxProcBytes bounds a file: about seven million sockets.
	maxProcBytes = 1 << 30
	// procContextLines is how many lines are read between looks at the context.
	procContextLines = 256
)

// A ProcTable lists sockets from the files tcp and tcp6 of a directory, in the
// form of /proc/net/tcp (proc(5), net/ipv4/tcp_ipv4.c).
//
// Against a Client it costs more, since the kernel formats every socket and
// the choice is made here, and tells less: no backlog, extensions, cookies or
// interfaces. Inodes and states are the same.
type ProcTable struct {
	// Dir is the directory, for example "/proc/thread-self/net" for the
	// namespace of the calling thread ("/proc/net" is that of the process's
	// main thread), or that of a saved tree. The files must come from a machine
	// of this byte order.
	Dir string
}

// Dump passes each socket that r asks for to fn, as [Client.Dump] does;
// extensions are left out. A missing tcp6 file means that the kernel has no
// IPv6. A malformed line is an error that names the file and the line, after
// the sockets before it were passed on.
func (p ProcTable) Dump(ctx context.Context, r Request, fn func(*Socket) error) (Summary, error) {
	summary := Summary{Method: MethodProc}
	if err := r.validate(); err != nil {
		return summary, err
	}
	for _, name := range []string{"tcp", "tcp6"} {
		err := p.dumpFile(ctx, filepath.Join(p.Dir, name), r, fn, &summary)
		if name == "tcp6" && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if errors.Is(err, ErrStop) {
			return summary, nil
		}
		if err != nil {
			return summary, err
		}
	}
	summary.Complete = true
	return summary, nil
}

func (p ProcTable) dumpFile(ctx context.Context, path string, r Request, fn func(*Socket) error, summary *Summary) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read TCP sockets: %w", err)
	}
	defer f.Close()

	t := procReader{source: f, bigEndian: bigEndian()}
	defer func() {
		summary.Messages += t.lines
		summary.Bytes += t.bytes
	}()
	for {
		if t.lines%procContextLines == 0 && ctx.Err() != nil {
			return fmt.Errorf("read TCP sockets from %s: %w", path, ctx.Err())
		}
		s, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read TCP sockets from %s: %w", path, err)
		}
		if !r.States.Has(s.State) || !r.Filter.Match(s) {
			continue
		}
		summary.Sockets++
		if err := fn(s); err != nil {
			return err
		}
	}
}

// A procReader reads the lines of one file.
type procReader struct {
	source       io.Reader
	bigEndian    bool           // the machine that wrote the file
	scanner      *bufio.Scanner // nil before the heading
	lines, bytes int
	socket       Socket
	err          error // why there are no more sockets
}

// next returns the next socket, which is valid until the call after it. At the
// end it returns io.EOF; after an error it goes on returning that.
func (t *procReader) next() (*Socket, error) {
	if t.scanner == nil {
		t.scanner = bufio.NewScanner(io.LimitReader(t.source, maxProcBytes))
		t.scanner.Buffer(make([]byte, maxProcLine), maxProcLine)
		t.heading()
	}
	line, ok := t.line()
	if !ok {
		return nil, t.err
	}
	if err := parseProcLine(line, t.bigEndian, &t.socket); err != nil {
		t.err = fmt.Errorf("line %d: %w", t.lines, err)
		return nil, t.err
	}
	return &t.socket, nil
}

// heading reads the first line. The kernel always writes one, so that a file
// without it is not an empty table.
func (t *procReader) heading() {
	line, ok := t.line()
	if name, _ := nextField(line); ok && string(name) == "sl" || !ok && !errors.Is(t.err, io.EOF) {
		return
	}
	t.err = errors.New(`line 1: want a heading that starts with "sl"`)
}

func (t *procReader) line() (line []byte, ok bool) {
	if t.err != nil {
		return nil, false
	}
	if t.scanner.Scan() {
		t.lines++
		t.bytes += len(t.scanner.Bytes()) + 1
		return t.scanner.Bytes(), true
	}
	switch t.err = t.scanner.Err(); {
	case t.err != nil:
		t.err = fmt.Errorf("line %d: %w", t.lines+1, t.err)
	case t.bytes >= maxProcBytes:
		t.err = fmt.Errorf("more than %d bytes", maxProcBytes)
	default:
		t.err = io.EOF
	}
	return nil, false
}
