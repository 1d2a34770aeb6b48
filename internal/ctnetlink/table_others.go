// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package ctnetlink

import (
	"context"
	"errors"
	"time"
)

// Count fails: the table is that of Linux.
func Count(context.Context, time.Duration) (Table, error) { return Table{}, errors.ErrUnsupported }
