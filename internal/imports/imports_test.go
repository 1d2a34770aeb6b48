// SPDX-License-Identifier: Apache-2.0

// Package imports holds the test of who may import whom. It needs no linter;
// .golangci.yml says the same to editors.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tcptune/tcptune"

// table lists every package, lowest layer first, and the local packages that
// it may import. A package that is not here fails the test: whoever adds one
// decides where it stands. Tests may import any local package.
var table = map[string][]string{
	// Layer 0 knows one thing each, and nothing of TCP policy.
	"internal/nearest":    nil,
	"internal/ctnetlink":  nil,
	"internal/netdev":     nil,
	"internal/netns":      nil,
	"internal/sockdiag":   nil,
	"internal/atomicfile": nil,
	"internal/procnet":    {"internal/nearest"},
	"sysctl":              {"internal/nearest"},

	// The reading half, in the order in which the data flows. Nothing here is
	// handed anything that can write to the examined system.
	"internal/snapshot": {"internal/ctnetlink", "internal/netdev", "internal/netns", "internal/procnet", "internal/sockdiag", "sysctl"},
	"internal/facts":    {"internal/nearest", "internal/snapshot", "internal/sockdiag", "sysctl"}, // sockdiag: the states' names
	"internal/expr":     {"internal/facts", "internal/nearest"},
	"internal/yamlfile": {"internal/expr", "internal/nearest"},
	"rules":             {"internal/expr", "internal/facts", "internal/yamlfile"},
	"profiles":          {"internal/expr", "internal/facts", "internal/yamlfile"},
	"internal/explain":  {"internal/expr", "internal/facts", "internal/nearest", "internal/procnet", "internal/sockdiag", "rules", "sysctl"},

	// The writing half sees neither a rule nor a profile: settings and their reasons reach it.
	"internal/change": {"internal/atomicfile", "sysctl"},

	"internal/report": {"internal/change", "internal/explain", "internal/expr", "internal/facts", "internal/netns", "internal/snapshot", "profiles", "rules", "sysctl"},

	"internal/watch": {"internal/facts", "internal/report", "internal/snapshot", "rules"},

	// Only the command knows all of them.
	"cmd/tcptune": {"internal/atomicfile", "internal/change", "internal/explain", "internal/expr", "internal/facts", "internal/nearest", "internal/netns", "internal/procnet",
		"internal/report", "internal/snapshot", "internal/watch", "profiles", "rules", "sysctl"},

	// Generators, and programs that are run by make only.
	"internal/bench":                {"internal/lab"}, // no product: it makes loads
	"internal/explain/gendocs":      {"internal/explain", "internal/expr", "internal/procnet", "internal/report", "rules", "sysctl"},
	"internal/kernels":              nil,
	"internal/procnet/internal/gen": nil,
	"internal/testreport":           nil,
	"profiles/gendocs":              {"internal/expr", "profiles", "sysctl"},
	"rules/gendocs":                 {"internal/expr", "rules", "sysctl"},
	"sysctl/internal/gen":           nil,

	// Tests and test support: faultfs and lab are in no row of the product, so that no product code can import them.
	"docs":                        nil,
	"internal/atomicfile/faultfs": {"internal/atomicfile"},
	"internal/imports":            nil,
	"internal/lab":                nil,
	"packaging":                   nil,
}

// owners lists, for modules that must not spread, the packages that may import
// them, in tests also.
var owners = map[string][]string{
	"github.com/spf13/cobra":           {"cmd/tcptune"},
	"github.com/spf13/pflag":           {"cmd/tcptune"},
	"github.com/spf13/viper":           {"cmd/tcptune"},
	"charm.land/bubbletea/v2":          {"internal/watch"},
	"github.com/mdlayher/netlink":      {"internal/sockdiag"},
	"github.com/mdlayher/socket":       {"internal/sockdiag"},
	"gopkg.in/yaml.v3":                 {"internal/explain", "internal/expr", "internal/facts", "internal/procnet/internal/gen", "internal/yamlfile", "profiles", "rules", "rules/gendocs", "sysctl/internal/gen"},
	"github.com/cpuguy83/go-md2man/v2": {"cmd/tcptune"}, // its tests only
}

// listed is what the test reads of `go list -json`.
type listed struct {
	ImportPath   string
	Standard     bool
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImports(t *testing.T) {
	gone := maps.Clone(table)
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		delete(gone, name)
		allowed, ok := table[name]
		if !ok {
			t.Errorf("package %s is not in the table: add it and say which local packages it may import", name)
			continue
		}
		for _, path := range p.Imports {
			if other, local := strings.CutPrefix(path, module+"/"); local && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s; of local packages it may import %s", name, other, oneOf(allowed))
			}
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for owned, by := range owners {
				if (path == owned || strings.HasPrefix(path, owned+"/")) && !slices.Contains(by, name) {
					t.Errorf("%s imports %s; only %s may", name, path, oneOf(by))
				}
			}
		}
	}
	for name := range gone {
		t.Errorf("the table names package %s, which does not exist: take the row out", name)
	}
}

// TestTable fails for rows that contradict the layers: a reader of the table
// must be able to trust it.
func TestTable(t *testing.T) {
	for name, allowed := range table {
		for _, other := range allowed {
			if _, ok := table[other]; !ok {
				t.Errorf("%s may import %s, which has no row", name, other)
			}
			if slices.Contains(table[other], name) {
				t.Errorf("%s and %s may import each other", name, other)
			}
		}
	}
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// touch looks at every folder of the repository. go test remembers a result
// until something changes that the test has looked at, and what go list looks
// at it does not see.
func touch(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that another program just removed
		t.Fatal(err)
	}
}

// list returns the packages of this module as they are built for Linux,
// including those that only a package of the module reaches (-deps).
func list(t *testing.T) []listed {
	t.Helper()
	touch(t)
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports,TestImports,XTestImports", module+"/...")
	cmd.Env = append(os.Environ(), "GOOS=linux")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(out); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read the output of go list: %v", err)
		}
		if !p.Standard && p.Module != nil && p.Module.Path == module {
			packages = append(packages, p)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(packages) == 0 {
		t.Fatal("go list named no package of this module")
	}
	return packages
}

// TestProduct: what only tests use is not linked into the program.
func TestProduct(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+"/cmd/tcptune").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if strings.Contains(path, "md2man") || strings.Contains(path, "blackfriday") || path == "testing" {
			t.Errorf("cmd/tcptune links %s", path)
		}
	}
}
