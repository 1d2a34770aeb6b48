// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// exporterAddress is where node_exporter listens, in the crowd's namespace.
const exporterAddress = "127.0.0.1:9100"

// exporterStart is how long it may take to listen.
const exporterStart = 30 * time.Second

// An exporter is node_exporter with its tcpstat collector alone, in the
// namespace of a crowd. A run of it is one scrape.
type exporter struct {
	cmd    *exec.Cmd
	client *http.Client
}

// findExporter looks for the program by the names that Debian and its makers
// give to it.
func findExporter() (string, error) {
	path, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		path, err = exec.LookPath("node_exporter")
	}
	return path, err
}

// startExporter starts the program and waits until it answers.
func startExporter(ctx context.Context, c *lab.Crowd, path string) (*exporter, error) {
	e := &exporter{cmd: exec.CommandContext(ctx, path, "--collector.disable-defaults", "--collector.tcpstat", "--web.listen-address="+exporterAddress)}
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	e.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			err = c.Do(func() (err error) {
				conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return err
			})
			return conn, err
		},
	}}
	if err := c.Do(e.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	deadline := time.Now().Add(exporterStart)
	for {
		_, err := e.get(ctx, "/")
		if err == nil {
			return e, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			e.stop()
			return nil, fmt.Errorf("start %s: %w", path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (e *exporter) stop() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait() // the status is that of the kill
}

func (e *exporter) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+exporterAddress+path, nil)
	if err != nil {
		return "", err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(text), err
}

// counted is the line by which the exporter says that it has counted.
var counted = regexp.MustCompile(`(?m)^node_tcp_connection_states\{state="established"\} `)

// scrape makes the exporter count the sockets once.
func (e *exporter) scrape(ctx context.Context) (usage, error) {
	before, err := e.time()
	if err != nil {
		return usage{}, err
	}
	start := time.Now()
	text, err := e.get(ctx, "/metrics")
	u := usage{wall: time.Since(start)}
	if err != nil {
		return u, fmt.Errorf("scrape node_exporter: %w", err)
	}
	if !counted.MatchString(text) {
		return u, errors.New("scrape node_exporter: it did not count established connections")
	}
	after, err := e.time()
	u.cpu, u.peak = after-before, e.peak()
	return u, err
}

// time is the processor time that the exporter has had, see
// clock_getcpuclockid(3).
func (e *exporter) time() (time.Duration, error) {
	const cpuClockSched = 2
	var now unix.Timespec
	err := unix.ClockGettime(int32(^e.cmd.Process.Pid<<3|cpuClockSched), &now)
	return time.Duration(now.Nano()), err
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// peak is the exporter's largest resident memory in bytes, 0 when unknown.
func (e *exporter) peak() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	m := peakLine.FindSubmatch(text)
	if m == nil {
		return 0
	}
	kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kib << 10
}
