// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// What a guest may take of this machine.
const (
	guestCPUs   = "1" // Linux 6.1 does not start a second one by a clock that counts instructions
	guestMemory = "1536M"
)

// consoleLines is how much of the kernel's log is shown of a guest that ended
// early.
const consoleLines = 30

// A machine is one guest.
type machine struct {
	*kernel
	dir string // its files
}

func (m *machine) root() string    { return filepath.Join(m.dir, "root.cpio") }
func (m *machine) console() string { return filepath.Join(m.dir, "console") }

// run boots the guest and hands over what it says until it ends. QEMU dies with
// this process or with the context.
func (m *machine) run(ctx context.Context, tell func(event)) error {
	// The guest's clock counts instructions, one in a nanosecond: what this
	// machine does besides does not show in there, and waiting takes no time.
	// Page tables of five levels and copies byte by byte are dear to emulate.
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none",
		"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "max,la57=off,erms=off,fsrm=off", "-smp", guestCPUs, "-m", guestMemory,
		"-kernel", m.image(), "-initrd", m.root(),
		// The checks of the timer and of the TSC fail on a busy machine.
		"-append", "console=ttyS0 loglevel=5 panic=-1 mitigations=off no_timer_check tsc=reliable tcptune.guest",
		"-serial", "file:"+m.console(), "-serial", "stdio")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("boot %s: %w", m.Release, err)
	}
	err = listen(bufio.NewScanner(stdout), tell)
	if err := errors.Join(err, cmd.Wait(), ctx.Err()); err != nil {
		return fmt.Errorf("run guest %s: %w\n%s%s", m.Release, err, stderr.String(), m.log())
	}
	return nil
}

// listen hands over events until the guest falls silent. The last word must be
// that it is done.
func listen(lines *bufio.Scanner, tell func(event)) error {
	lines.Buffer(nil, 2*maxOutput)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("parse %q: %w", lines.Text(), err)
		}
		switch {
		case e.Error != "":
			return errors.New(e.Error)
		case e.Done:
			return nil
		}
		tell(e)
	}
	return errors.Join(lines.Err(), errors.New("ended before all tests had run"))
}

// log is the end of the kernel's log.
func (m *machine) log() string {
	text, err := os.ReadFile(m.console())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r", ""), "\n")
	return strings.Join(lines[max(0, len(lines)-consoleLines):], "\n")
}
