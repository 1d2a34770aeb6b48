// SPDX-License-Identifier: Apache-2.0

// Package profiles reads profiles, intents such as "a web server", and works out
// which settings they mean on a host, with a reason for each.
//
// Out of scope: reading the host (package snapshot) and changing it (package
// change, which gets the settings and never sees a profile).
package profiles
