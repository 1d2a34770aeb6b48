// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// write writes the result as Markdown, which people read as well.
func (r *result) write(w *bytes.Buffer) {
	fmt.Fprintf(w, "%s. Load average %s.\n\n", r.machine, r.load)
	r.writeGoals(w)
	r.writeCosts(w)
	for _, s := range r.sizes {
		s.writeRatios(w)
	}
}

func (r *result) writeGoals(w *bytes.Buffer) {
	row(w, "goal", "bound", "measured", "")
	row(w, "---", "---", "---", "---")
	for _, g := range r.goals {
		verdict := yes(g.held, "held", "**missed**")
		if g.bound == "" {
			verdict = ""
		}
		row(w, g.what, g.bound, g.measured, verdict)
	}
	w.WriteByte('\n')
}

// writeCosts writes what each program costs beside each number of sockets.
func (r *result) writeCosts(w *bytes.Buffer) {
	heads, line := []string{"wall / CPU / peak memory"}, []string{"---"}
	var sizes []sizeResult
	for _, s := range r.sizes {
		if s.skipped != "" {
			fmt.Fprintf(w, "%s sockets: not measured: %s\n\n", count(s.sockets), s.skipped)
			continue
		}
		sizes = append(sizes, s)
		heads, line = append(heads, count(s.sockets)+" sockets"), append(line, "---:")
	}
	if len(sizes) == 0 {
		return
	}
	row(w, heads...)
	row(w, line...)
	for i := range sizes[0].all() {
		cells := []string{sizes[0].all()[i].name}
		for _, s := range sizes {
			one := s.all()[i]
			cells = append(cells, one.cost(r.floor))
		}
		row(w, cells...)
	}
	fmt.Fprintf(w, "\nMedian of the times, largest of the memory. A program's memory cannot be told below %.0f MB, that of the process that starts it.\n\n", megabytes(r.floor))
}

func (s *sizeResult) all() []series { return append(s.ours[:len(s.ours):len(s.ours)], s.peers...) }

// cost is what one program costs.
func (s *series) cost(floor int64) string {
	switch {
	case s.missing != "":
		return "not installed: " + s.missing
	case s.tooMuch:
		return "ended at the time limit"
	}
	memory := "-"
	if peak := largest(s.runs); peak > floor*11/10 {
		memory = fmt.Sprintf("%.0f MB", megabytes(peak))
	} else if peak > 0 {
		memory = fmt.Sprintf("<= %.0f MB", megabytes(peak))
	}
	return fmt.Sprintf("%s / %s / %s", duration(medianOf(s.runs, wall)), duration(medianOf(s.runs, cpu)), memory)
}

// writeRatios writes our times as shares of the others'.
func (s *sizeResult) writeRatios(w *bytes.Buffer) {
	if s.skipped != "" {
		return
	}
	heads, line := []string{count(s.sockets) + " sockets: CPU time (wall time), of that of"}, []string{"---"}
	for _, p := range s.peers {
		heads, line = append(heads, p.name), append(line, "---:")
	}
	row(w, heads...)
	row(w, line...)
	for _, mine := range s.ours {
		cells := []string{mine.name}
		for _, p := range s.peers {
			cell := "-"
			if c, ok := ratio(mine.runs, p.runs, cpu); ok {
				cell = fmt.Sprintf("%.2f", c)
			}
			if t, ok := ratio(mine.runs, p.runs, wall); ok {
				cell += fmt.Sprintf(" (%.2f)", t)
			}
			cells = append(cells, cell)
		}
		row(w, cells...)
	}
	w.WriteByte('\n')
}

func row(w *bytes.Buffer, cells ...string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

func duration(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", milliseconds(d))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
func megabytes(n int64) float64            { return float64(n) / 1e6 }

func yes(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

// count writes a number with a space after each three digits.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s %03d", count(n/1000), n%1000)
}

// machine says where and when this was measured.
func machine() string {
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail
	kernel := unix.ByteSliceToString(name.Release[:])
	cpu := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			cpu, _, _ = strings.Cut(rest, "\n")
		}
	}
	memory := ""
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil {
		memory = fmt.Sprintf(", %d GB", info.Totalram*uint64(info.Unit)/1e9)
	}
	return fmt.Sprintf("%s: Linux %s, %d x %s%s, %s", time.Now().UTC().Format(time.DateOnly), kernel, runtime.NumCPU(), cpu, memory, runtime.Version())
}

// loadAverage is that of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
