// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// interrupts are the signals that end a command. Those from a terminal are left
// out if whoever started it had them ignored: nohup(1) means what it says.
func interrupts() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// interruptible returns a context that ends with the first of the interrupts. But
// SIGINT while a window is open ends the window only; the next one ends all. Then
// signals have their usual effect: something may wait that no context ends, such
// as a report for the reader of a pipe.
func interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	windows := &windowEnd{}
	ctx = context.WithValue(ctx, windowEndKey{}, windows)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, interrupts()...)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if s != syscall.SIGINT || !windows.endEarly() {
					cancel()
					time.AfterFunc(repeatedSignal, func() { signal.Stop(signals) })
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// repeatedSignal is how long a signal may come again and be the same one: timeout(1)
// sends it to its child and to the process group.
const repeatedSignal = 500 * time.Millisecond

// A windowEnd is where SIGINT and the wait for the end of a window meet.
type windowEnd struct {
	mu    sync.Mutex
	early chan struct{} // closed by SIGINT; nil while no window is open
}

type windowEndKey struct{}

// openWindow says that a window has begun, until done is called. Early is closed
// when SIGINT ends it; in a context without signals it never is.
func openWindow(ctx context.Context) (early <-chan struct{}, done func()) {
	w, ok := ctx.Value(windowEndKey{}).(*windowEnd)
	if !ok {
		return nil, func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.early = make(chan struct{})
	return w.early, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.early = nil
	}
}

// endEarly ends the open window, if there is one.
func (w *windowEnd) endEarly() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.early == nil {
		return false
	}
	close(w.early)
	w.early = nil
	return true
}

// holdSignals keeps HUP, INT, TERM and PIPE from ending the process until
// release is called. The signals that came meanwhile are forgotten: what was
// begun has been completed or undone by then. PIPE stays held, so that a reader
// who goes away (apply | head -1) becomes an error of the write and not a death
// with a status that says nothing about the system.
func holdSignals() (release func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	held := make(chan os.Signal, 1)
	signal.Notify(held, interrupts()...)
	return func() { signal.Stop(held) }
}
