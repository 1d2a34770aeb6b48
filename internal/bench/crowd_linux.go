// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a crowd. A process may open 20,000 files in many places, and a
// destination has some 28,000 local ports.
const (
	socketsPerProcess = 18_000
	maxSockets        = 2_000_000
	readyWithin       = 2 * time.Minute
)

// raiseLoopback sets lo of a new network namespace up.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	return nil
}

// gather starts processes that hold sockets established sockets between them,
// each on a loopback address of its own, and returns when all are there. stop
// ends the processes.
func gather(ctx context.Context, sockets int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var crowds []*exec.Cmd
	stop = func() {
		cancel() // kills; the namespace ends soon, so nobody needs their farewell
		for _, c := range crowds {
			_ = c.Wait() // the status is that of the kill
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	var ready []io.Reader
	for i := 0; sockets >= 2; i++ { // a connection has two ends
		n := min(sockets, socketsPerProcess)
		sockets -= n
		address := fmt.Sprintf("127.0.%d.%d:7000", 1+i/250, 1+i%250)
		c := again(ctx, "-stage", stageCrowd, "-address", address, "-sockets", fmt.Sprint(n))
		if _, err := c.StdinPipe(); err != nil { // stays open until c is killed
			return nil, fmt.Errorf("start a crowd: %w", err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			return nil, fmt.Errorf("start a crowd: %w", err)
		}
		if err := c.Start(); err != nil {
			return nil, fmt.Errorf("start a crowd: %w", err)
		}
		crowds, ready = append(crowds, c), append(ready, out)
	}
	timer := time.AfterFunc(readyWithin, cancel)
	defer timer.Stop()
	for _, r := range ready {
		if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
			return nil, fmt.Errorf("wait for the sockets: %w", err)
		}
	}
	return stop, nil
}

// hold opens connections to itself, says that they are there and keeps them
// until in ends.
func hold(in io.Reader, out io.Writer, address string, connections int) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	var ends []net.Conn
	for range connections {
		client, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		server, err := listener.Accept()
		if err != nil {
			return err
		}
		ends = append(ends, client, server)
	}
	if _, err := fmt.Fprintf(out, "%d sockets\n", len(ends)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
