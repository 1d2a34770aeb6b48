// SPDX-License-Identifier: Apache-2.0

// Package profiles reads profiles, intents such as "a web server", and works out
// which settings they mean on a host, with a reason for each.
//
// A profile is one YAML file. It inherits at most one other, and its settings
// replace those of the same key. What moves with the load of a host (memory,
// listeners, rates) is read through inputs, which can be frozen: the same inputs
// give the same settings, whatever has become of the host since.
//
// Out of scope: reading the host (package snapshot) and changing it (package
// change, which gets the settings and never sees a profile).
package profiles
