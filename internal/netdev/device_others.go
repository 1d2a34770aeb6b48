// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netdev

import "errors"

// List fails: the interfaces are those of Linux.
func List() ([]Device, error) { return nil, errors.ErrUnsupported }

// Qdisc fails: the interfaces are those of Linux.
func Qdisc(int) (string, error) { return "", errors.ErrUnsupported }
