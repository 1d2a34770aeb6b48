// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

func loadRules(t testing.TB) *rules.Set {
	t.Helper()
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	env, err := expr.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Builtin(env)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newLibrary(t testing.TB) *Library {
	t.Helper()
	return New(sysctl.LoadCatalogue(), procnet.CounterInfos(), loadRules(t))
}

func find(t testing.TB, l *Library, query string) Topic {
	t.Helper()
	topic, err := l.Find(query)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

// require fails the test when TCPTUNE_REQUIRE names the capability, else it skips.
func require(t *testing.T, capability, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("TCPTUNE_REQUIRE"), ","), capability) {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
