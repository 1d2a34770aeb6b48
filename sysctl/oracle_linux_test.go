// SPDX-License-Identifier: Apache-2.0

package sysctl_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// The oracle test reads a seed and a number of trees from these variables. It prints
// both, so that a failure can be repeated.
const (
	envSeed  = "TCPTUNE_SEED"
	envTrees = "TCPTUNE_TREES"
)

const defaultTrees = 300

// TestOracle holds the model against the loaders themselves: generated trees are given
// to the model, to systemd-sysctl and to sysctl --system, and the value of the model's
// winner has to be what the kernel has afterwards.
func TestOracle(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		o := newOracle(t)
		seed, trees := envNumber(t, envSeed, uint64(time.Now().UnixNano())), envNumber(t, envTrees, defaultTrees)
		t.Logf("%s=%d %s=%d", envSeed, seed, envTrees, trees)
		set := 0
		for i := range trees {
			tree := generate(rand.New(rand.NewPCG(seed, i)))
			set += o.judge(t, fmt.Sprintf("%s=%d, tree %d", envSeed, seed, i), tree)
			if t.Failed() {
				break
			}
		}
		t.Logf("%d trees, %d values set by a loader", trees, set)
		if !t.Failed() && set < int(trees) {
			t.Error("the trees set too few values to prove anything")
		}
	})
}

func envNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// oracleInterfaces are the two ends of a veth pair; one has a dot in its name.
func oracleInterfaces() [2]string { return [2]string{"eth0.100", "wan1"} }

// oracleKeys are integers and one list, which may be empty. Each belongs to a network
// namespace and takes every number from 1 to 120.
func oracleKeys() []sysctl.Key {
	keys := []sysctl.Key{
		sysctl.MustKey("net.ipv4.tcp_keepalive_time"), sysctl.MustKey("net.ipv4.tcp_keepalive_intvl"),
		sysctl.MustKey("net.ipv4.tcp_keepalive_probes"), listKey(),
	}
	for _, name := range []string{"all", "default", "lo", "eth0.100", "wan1"} {
		keys = append(keys, sysctl.MustKey("net/ipv4/conf/"+name+"/tag"))
	}
	return keys
}

func listKey() sysctl.Key { return sysctl.MustKey("net.ipv4.ip_local_reserved_ports") }

// sentinel is the value before a loader runs. No generated line has it.
const sentinel = sysctl.Value("127")

// An oracle runs the loaders in a network namespace and with files of its own.
type oracle struct {
	host    *lab.Host
	live    *sysctl.Tree
	loaders map[sysctl.Loader][]string // commands
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	o := &oracle{loaders: map[sysctl.Loader][]string{
		sysctl.Systemd: {cmp.Or(firstFile("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"), "systemd-sysctl")},
		sysctl.Procps:  {cmp.Or(firstFile("/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl"), "sysctl"), "--system"},
	}}
	for _, command := range o.loaders {
		if !filepath.IsAbs(command[0]) {
			lab.Unavailable(t, "loaders", fmt.Errorf("find %s: %w", command[0], fs.ErrNotExist))
		}
	}
	version, err := exec.Command(o.loaders[sysctl.Procps][0], "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("procps-ng 4.")) {
		lab.Unavailable(t, "loaders", fmt.Errorf("sysctl is %q, the model is of procps-ng 4 (%w)", bytes.TrimSpace(version), errors.ErrUnsupported))
	}
	t.Logf("%s", bytes.TrimSpace(version))
	names := oracleInterfaces()
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: names[0]}, PeerName: names[1]}); err != nil {
		t.Fatal(err)
	}
	o.host = lab.Self(t)
	if o.live, err = sysctl.NewTree("/proc/sys"); err != nil {
		t.Fatal(err)
	}
	// The loaders see the machine's /lib, as a rule this link.
	if target, err := os.Readlink("/lib"); err == nil {
		if err := os.Symlink(target, o.host.Tree.Path("/lib")); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func firstFile(names ...string) string {
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return ""
}

// judge compares the model with both loaders and returns how many values they set.
func (o *oracle) judge(t *testing.T, name string, tree oracleTree) (set int) {
	t.Helper()
	tree.write(t, o.host.Tree.Path("/"))
	files, err := sysctl.FindLines(o.host.Tree.Path("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, loader := range sysctl.Loaders() {
		o.reset(t)
		command := o.loaders[loader]
		out, _ := o.host.Command(command[0], command[1:]...).CombinedOutput() // the exit status says nothing
		for _, key := range oracleKeys() {
			want := sentinel
			outcome := files.Outcome(loader, key)
			if outcome.Winner != nil {
				set++
				want = sysctl.NewValue(outcome.Winner.Value)
			}
			if want == "" && key != listKey() {
				continue // the kernel refuses an empty number, and what is left is not the model's concern
			}
			got, err := o.live.Get(key)
			if err != nil {
				t.Fatal(err)
			}
			if want != got {
				t.Errorf("%s: %s: %s is %q after %v, the model says %q\n%s\nlines: %+v\noutput:\n%s", name, loader, key, got, command, want, tree, outcome.Lines, out)
			}
		}
	}
	return set
}

// reset writes the sentinel to every key.
func (o *oracle) reset(t *testing.T) {
	t.Helper()
	for _, key := range oracleKeys() {
		o.host.Sysctl(t, "/"+key.Path(), string(sentinel))
	}
}

// An oracleTree maps names below a root to content: "-> TARGET" is a symbolic link and
// a name with a final slash a directory.
type oracleTree map[string]string

func (tree oracleTree) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "%s %q\n", name, tree[name])
	}
	return b.String()
}

// oracleDirectories are the directories in which a tree has files.
func oracleDirectories() []string {
	return []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"}
}

// write replaces the files of the tree before.
func (tree oracleTree) write(t *testing.T, root string) {
	t.Helper()
	for _, name := range append(oracleDirectories(), "/etc/sysctl.conf") {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		host := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(host), 0o755)
		target, link := strings.CutPrefix(tree[name], "-> ")
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, host)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(host, 0o755)
		default:
			err = os.WriteFile(host, []byte(tree[name]), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// generate makes a tree.
func generate(r *rand.Rand) oracleTree {
	g := generator{r}
	tree := oracleTree{}
	directories := oracleDirectories()
	if g.chance(20) { // one directory under two names
		i := r.IntN(len(directories))
		tree[directories[i]] = "-> " + g.pick(slices.Delete(slices.Clone(directories), i, i+1)...)
		directories = slices.Delete(directories, i, i+1)
	}
	for range 1 + r.IntN(7) {
		name := path.Join(g.pick(directories...), g.base())
		switch {
		case g.chance(25):
			tree[name+"/"] = ""
		case g.chance(5):
			tree[name] = "-> " + g.target(directories)
		default:
			tree[name] = g.file()
		}
	}
	if g.chance(2) {
		tree["/etc/sysctl.conf"] = g.file()
		if g.chance(8) {
			tree["/etc/sysctl.conf"] = "-> " + g.target(directories)
		}
		if tree[directories[0]] == "" && directories[0] == "/etc/sysctl.d" && g.chance(2) {
			tree["/etc/sysctl.d/99-sysctl.conf"] = "-> " + g.pick("../sysctl.conf", "/etc/sysctl.conf")
		}
	}
	for name := range tree { // a name is one thing
		if base, dir := strings.CutSuffix(name, "/"); dir {
			delete(tree, base)
		}
	}
	return tree
}

// A generator makes the parts of a tree.
type generator struct{ r *rand.Rand }

// chance is true once in n.
func (g generator) chance(n int) bool { return g.r.IntN(n) == 0 }

func (g generator) pick(texts ...string) string { return texts[g.r.IntN(len(texts))] }

// base is the name of a file, from so few that names meet.
func (g generator) base() string {
	return g.pick("10-a.conf", "10-a.conf", "50-b.conf", "50-b.conf", "9-c.conf", "99-sysctl.conf", "99-zz.conf", "Z.conf",
		"_d.conf", "a.conf", ".hidden.conf", ".conf", "zz.CONF", "zz.conf~", "k8s.conf", "README")
}

// target is where a symbolic link leads.
func (g generator) target(directories []string) string {
	return g.pick("/dev/null", "/dev/null", "/nowhere", "nowhere.conf", "/etc/sysctl.conf", "../sysctl.conf",
		path.Join(g.pick(directories...), g.base()), path.Join(g.pick(directories...), g.base()), g.base())
}

// file is the content of a file.
func (g generator) file() string {
	end := "\n"
	if g.chance(8) {
		end = "\r\n"
	}
	var b strings.Builder
	if g.chance(20) {
		b.WriteString("\ufeff")
	}
	for range g.r.IntN(6) {
		b.WriteString(g.line() + end)
	}
	text := b.String()
	if g.chance(5) {
		text = strings.TrimSuffix(text, end)
	}
	return text
}

func (g generator) line() string {
	if g.chance(10) {
		return g.pick("", "  ", "# comment", "; net.ipv4.tcp_keepalive_time = 5", "  # net.ipv4.tcp_keepalive_time=5",
			"net.ipv4.tcp_keepalive_time 5", "=", "= 5", "-", "x", "what", "net.ipv4.no_such_key = 3", "-net.ipv4.none=3")
	}
	key := g.key()
	switch {
	case g.chance(6):
		return g.pick("-", "-", "-", "- ") + key + g.pick("", " ")
	case g.chance(8):
		key = g.pick("-", "-", "- ", "-\t") + key
	}
	value := strconv.Itoa(1 + g.r.IntN(120))
	switch {
	case g.chance(3): // values that meet
		value = strconv.Itoa(1 + g.r.IntN(2))
	case g.chance(25):
		value = ""
	}
	return g.pick("", "", " ", "\t") + key + g.pick(" = ", "=", " =", "= ", "\t=\t", "  =  ") + value + g.pick("", "", " ", "\t")
}

// key is a key or a pattern in one of its spellings.
func (g generator) key() string {
	if g.chance(3) {
		return g.spell(g.pick("net/ipv4/conf/*/tag", "net/ipv4/conf/*/tag", "net/ipv4/conf/e*/tag", "net/ipv4/conf/wan?/tag",
			"net/ipv4/conf/[a-l]*/tag", "net/ipv4/conf/[!a-l]*/tag", "net/ipv4/*/all/tag", "net/ipv4/tcp_keepalive_*",
			"net/ipv4/tcp_keepalive_[ip]*", "net/ipv4/tcp_keepalive_tim?", "net/ipv4/tcp_keepalive_t[hi]me", "net/ipv4/conf/*",
			"net/ipv4/conf/{lo,wan*}/tag", "net/ipv4/{conf/{all,default},none}/ta?", "net/ipv4/conf/{lo,wan1}/tag", "net/ipv?/ip_local_reserved_p*"))
	}
	keys := oracleKeys()
	return g.spell(keys[g.r.IntN(len(keys))].Path())
}

// spell writes a path in one of the ways that mean the same, and now and then in one
// that does not.
func (g generator) spell(name string) string {
	if g.chance(20) {
		return g.pick("/"+name, strings.Replace(name, "/", "//", 1), "//"+name, strings.Replace(swap(name), ".", "..", 1),
			"."+swap(name), name+"/", swap(name)+".", "proc/sys/"+name, strings.ReplaceAll(name, "/", "."))
	}
	if g.chance(3) {
		return name
	}
	return swap(name)
}

// swap turns dots into slashes and slashes into dots.
func swap(name string) string { return strings.NewReplacer("/", ".", ".", "/").Replace(name) }
