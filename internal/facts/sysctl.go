// SPDX-License-Identifier: Apache-2.0

package facts

// sysctlValues are the live values of the examined host by dotted key. A key
// that is neither in values nor in absent was not read: it is unknown.
type sysctlValues struct {
	values   map[string]string
	defaults map[string]string // what the kernel would set by itself
	absent   map[string]bool
}

// SysctlText returns the live value of a dotted key, blanks folded to single
// spaces; false when it is unknown (absent or unreadable).
func (f *Facts) SysctlText(key string) (string, bool) {
	v, ok := f.values.values[key]
	return v, ok
}

// Sysctl returns number index (from 0) of the live value of a dotted key;
// false when it is unknown or no number.
func (f *Facts) Sysctl(key string, index int) (int64, bool) {
	return numberAt(f.values.values[key], index)
}

// SysctlExists reports whether the key exists in the examined namespace; the
// second result is false when that could not be told.
func (f *Facts) SysctlExists(key string) (exists, known bool) {
	if _, ok := f.values.values[key]; ok {
		return true, true
	}
	if f.values.absent[key] {
		return false, true
	}
	return false, false
}
