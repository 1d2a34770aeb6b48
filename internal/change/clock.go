// SPDX-License-Identifier: Apache-2.0

package change

// boottime is the time since boot in seconds, sleep included.
func (m *Machine) boottime() (float64, error) {
	if m.Boottime != nil {
		return m.Boottime()
	}
	return readBoottime()
}
