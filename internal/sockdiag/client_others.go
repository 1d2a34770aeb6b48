// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sockdiag

import (
	"errors"
	"fmt"
	"runtime"
)

func dial() (conn, error) {
	return nil, fmt.Errorf("%w on %s/%s", errors.ErrUnsupported, runtime.GOOS, runtime.GOARCH)
}
