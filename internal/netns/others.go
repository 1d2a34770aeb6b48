// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netns

import "errors"

// A Handle is an open network namespace.
type Handle struct{}

// List fails: network namespaces are those of Linux.
func List() (*Listing, error) { return nil, errors.ErrUnsupported }

// Find finds nothing.
func (l *Listing) Find(string) (*Namespace, error) { return nil, errors.ErrUnsupported }

// Open fails.
func (n *Namespace) Open() (*Handle, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (h *Handle) Close() error { return nil }

// Do fails.
func (h *Handle) Do(func() error) error { return errors.ErrUnsupported }
