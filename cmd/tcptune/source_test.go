// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInterruptReading interrupts a check that waits for its standard input.
func TestInterruptReading(t *testing.T) {
	in, silent := io.Pipe()
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, talk bytes.Buffer
	status := run(ctx, []string{"check", "--from", "-"}, streams{in: in, out: &out, err: &talk})
	if diff := cmp.Diff(exitInterrupted, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("tcptune: error: interrupted\n", talk.String()); diff != "" || out.Len() > 0 {
		t.Errorf("standard output %q, standard error (-want +got):\n%s", out.String(), diff)
	}
}
