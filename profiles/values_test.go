// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"testing"

	"github.com/tcptune/tcptune/sysctl"
)

// TestValues checks that the catalogue takes every value that a profile wants on
// either host.
func TestValues(t *testing.T) {
	set, catalogue := builtinSet(t), sysctl.LoadCatalogue()
	for _, name := range set.Names() {
		for _, text := range []string{host, other} {
			for _, rtt := range []float64{0.001, 0.1} {
				e := resolve(t, set, name).Evaluate(decodeFacts(t, text), Given{Rate: pointer(1e9), RTT: &rtt})
				for _, s := range e.Settings {
					if err := catalogue.Check(sysctl.MustKey(s.Key), sysctl.Value(s.Value)); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
	}
}
