// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Line is a long link in place of a veth pair: a process that carries packets
// between two TUN devices, one in each host, and delays or loses them. It needs
// no queueing discipline of the kernel, since netem may be missing.
type Line struct {
	Delay     time.Duration // one way: the round-trip time is twice that
	Loss      float64       // probability that a packet from the client is lost; the random numbers are the same in every run
	Rate      int           // Mbit/s, each way; 0 means no limit
	Queue     time.Duration // a packet that would wait longer than this for Rate is dropped
	MaxPacket int           // longer packets from the client vanish without ICMP, in bytes; 0 means that all pass
}

const (
	lineMTU      = 1500
	lineCapacity = 1 << 16 // packets on their way in one direction; what is more waits in the TUN device
	lineBatch    = 64      // packets read before those that are due are written
	lineNice     = -10     // of the threads that carry packets
	tunQueue     = 20000   // txqueuelen of a TUN device: it drops when the process is late by more
)

// The descriptors of the TUN devices in a line's process.
const (
	lineClient = 3 + iota
	lineServer
)

// NewLine makes two hosts, joined by the line. Everything else is as with
// [NewPair].
func NewLine(t testing.TB, l Line) *Pair {
	t.Helper()
	p := newHosts(t)
	var files []*os.File
	for _, h := range []*Host{p.Client, p.Server} {
		name := fmt.Sprintf("eth%d", h.interfaces)
		file, err := h.openTun(name)
		if err != nil {
			if isRefusal(err) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
				Unavailable(t, "tun", err)
			}
			t.Fatalf("%s: %v", h.Name, err)
		}
		defer file.Close() // the process has it, and the device lives as long
		files = append(files, file)
		h.interfaces++
	}
	p.line = start(t, p.Client, "line", program{Line: &l}, files...)
	p.Client.attach(t, "eth0", netip.PrefixFrom(p.ClientAddress, 24))
	p.Server.attach(t, "eth0", netip.PrefixFrom(p.ServerAddress, 24))
	p.line.await(t, startTimeout)
	return p
}

// openTun makes a TUN device in the host, see
// Documentation/networking/tuntap.rst. It goes when its last descriptor is closed.
func (h *Host) openTun(name string) (file *os.File, err error) {
	err = h.Do(func() error {
		const device = "/dev/net/tun"
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", device, err)
		}
		file = os.NewFile(uintptr(fd), device)
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return fmt.Errorf("make TUN device %s: %w", name, err)
		}
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.LinkSetTxQLen(link, tunQueue)
	})
	if err != nil && file != nil {
		file.Close()
	}
	return file, err
}

// run carries packets until standard input ends.
func (l *Line) run(in *json.Decoder, out *json.Encoder) error {
	var cut atomic.Bool
	there := &direction{Line: *l, from: lineClient, to: lineServer, cut: &cut, random: rand.New(rand.NewPCG(1, 2))}
	back := &direction{Line: *l, from: lineServer, to: lineClient, cut: &cut}
	back.Loss, back.MaxPacket = 0, 0
	failed := make(chan error, 2)
	for _, d := range []*direction{there, back} {
		if err := unix.SetNonblock(d.from, true); err != nil {
			return out.Encode(report{Error: fmt.Sprintf("use TUN device: %v", err)})
		}
		go func() { failed <- d.carry() }()
	}
	obeyed := make(chan error, 1)
	go func() {
		obeyed <- obeyReady(in, out, func(o order) (report, error) {
			if o.Cut == o.Mend {
				return disobey(o)
			}
			cut.Store(o.Cut)
			return report{Ready: true}, nil
		})
	}()
	select {
	case err := <-failed:
		return err
	case err := <-obeyed:
		return err
	}
}

// A direction is one way of a line. Delay is the same for all packets, so they
// are due in the order in which they came.
type direction struct {
	Line
	from, to int
	cut      *atomic.Bool
	random   *rand.Rand // for Loss

	waiting []packet
	spare   [][]byte  // buffers to use again
	free    time.Time // when Rate lets the next packet out
}

// A packet is on its way.
type packet struct {
	bytes []byte
	due   time.Time
}

// carry takes packets from one device and gives them to the other when they are
// due. One thread does both: at 100,000 packets a second handing them over to
// another would cost more than the work.
func (d *direction) carry() error {
	runtime.LockOSThread()
	// A wire does not wait for a processor. Without the privilege it does.
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lineNice)
	for {
		if err := d.wait(); err != nil {
			return err
		}
		for range lineBatch {
			more, err := d.take()
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		d.give()
	}
}

// wait polls until there is a packet to take or one is due.
func (d *direction) wait() error {
	var timeout *unix.Timespec
	if len(d.waiting) > 0 {
		left := unix.NsecToTimespec(max(time.Until(d.waiting[0].due), 0).Nanoseconds())
		timeout = &left
	}
	fds := []unix.PollFd{{Fd: int32(d.from), Events: unix.POLLIN}}
	if len(d.waiting) >= lineCapacity {
		fds = nil
	}
	if _, err := unix.Ppoll(fds, timeout, nil); err != nil && err != unix.EINTR {
		return fmt.Errorf("poll TUN device: %w", err)
	}
	return nil
}

// take reads a packet and lets it wait, unless the line loses it. It tells
// whether there may be more.
func (d *direction) take() (more bool, err error) {
	if len(d.waiting) >= lineCapacity {
		return false, nil
	}
	if len(d.spare) == 0 {
		d.spare = append(d.spare, make([]byte, lineMTU))
	}
	last := len(d.spare) - 1
	buffer := d.spare[last]
	n, err := unix.Read(d.from, buffer)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read from TUN device: %w", err)
	}
	departure, ok := d.departure(n)
	if ok {
		d.spare = d.spare[:last]
		d.waiting = append(d.waiting, packet{buffer[:n], departure.Add(d.Delay)})
	}
	return true, nil
}

// departure is when a packet of this length has gone out; ok is false when it
// is lost instead.
func (d *direction) departure(length int) (at time.Time, ok bool) {
	if d.cut.Load() || d.MaxPacket != 0 && length > d.MaxPacket || d.Loss > 0 && d.random.Float64() < d.Loss {
		return at, false
	}
	now := time.Now()
	if d.Rate == 0 {
		return now, true
	}
	if d.free.Before(now) {
		d.free = now
	}
	if d.free.Sub(now) > d.Queue {
		return at, false
	}
	d.free = d.free.Add(time.Duration(length) * 8 * time.Microsecond / time.Duration(d.Rate))
	return d.free, true
}

// give writes what is due. What the other host does not take is lost, as on any
// wire.
func (d *direction) give() {
	now := time.Now()
	for len(d.waiting) > 0 && !d.waiting[0].due.After(now) {
		p := d.waiting[0]
		d.waiting = d.waiting[1:]
		if !d.cut.Load() {
			unix.Write(d.to, p.bytes)
		}
		d.spare = append(d.spare, p.bytes[:lineMTU])
	}
}
