// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"net/netip"
	"os"
	"strconv"
	"testing"
)

// envProbe turns the test binary into the program that stands for any foreign
// program in these tests: it tells where it runs and what it sees.
const envProbe = "TCPTUNE_LAB_TEST_PROBE"

func TestMain(m *testing.M) {
	if status, ok := Dispatch(); ok {
		os.Exit(status)
	}
	if os.Getenv(envProbe) != "" {
		os.Exit(probe())
	}
	os.Exit(m.Run())
}

// A sighting is what the probe reports about itself and the files that its
// arguments name.
type sighting struct {
	Namespace uint64
	Arguments []string
	LabFree   bool // no variable of the lab is left
	Files     map[string]string
	Missing   []string
	Denied    []string // could not be written
}

func probe() int {
	s := sighting{Arguments: os.Args, Files: map[string]string{}}
	s.LabFree = os.Getenv(envEntry) == "" && os.Getenv(envIsolated) == "" && os.Getenv(envProgram) == ""
	var err error
	if s.Namespace, err = currentNamespace(); err != nil {
		return 1
	}
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			s.Missing = append(s.Missing, name)
			continue
		}
		s.Files[name] = string(text)
		if f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0); err != nil {
			s.Denied = append(s.Denied, name)
		} else {
			f.WriteString("# seen by " + strconv.Itoa(os.Getppid()) + "\n")
			f.Close()
		}
	}
	if json.NewEncoder(os.Stdout).Encode(s) != nil {
		return 1
	}
	return 0
}

// one is a list of one target.
func one(a netip.AddrPort) []netip.AddrPort { return []netip.AddrPort{a} }

// needCounter is a counter that a test depends on.
func needCounter(t *testing.T, h *Host, name string) int64 {
	t.Helper()
	value, ok := h.Counters(t)[name]
	if !ok {
		t.Skipf("this kernel has no counter %s", name)
	}
	return value
}
