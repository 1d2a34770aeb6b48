// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

// dispatch does nothing: internal/lab needs Linux.
func dispatch() (status int, ok bool) { return 0, false }

// commands are the programs that tests can run.
func commands() map[string]func() { return map[string]func(){"tcptune": main} }
