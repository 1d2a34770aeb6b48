// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// makeTree writes files below a new root. Content "-> TARGET" makes a symbolic link,
// a name with a final slash an empty directory.
func makeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		host := filepath.Join(root, name)
		dir := filepath.Dir(host)
		if strings.HasSuffix(name, "/") {
			dir = host
		}
		err := os.MkdirAll(dir, 0o755)
		if target, ok := strings.CutPrefix(content, "-> "); ok && err == nil {
			err = os.Symlink(target, host)
		} else if dir != host && err == nil {
			err = os.WriteFile(host, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// brief writes Files one name, line or problem per line.
func brief(f *Files) string {
	var b strings.Builder
	for _, info := range f.Read {
		fmt.Fprintf(&b, "read %s", info.Path)
		if info.Target != info.Path {
			fmt.Fprintf(&b, " -> %s", info.Target)
		}
		for _, flag := range []struct {
			on   bool
			name string
		}{{info.Symlink, "symlink"}, {info.Hidden, "hidden"}, {info.Null, "null"}} {
			if flag.on {
				b.WriteString(" " + flag.name)
			}
		}
		if len(info.Aliases) > 0 {
			fmt.Fprintf(&b, " also %s", strings.Join(info.Aliases, " "))
		}
		if info.MaskedBy != "" {
			fmt.Fprintf(&b, " masked by %s", info.MaskedBy)
		}
		b.WriteByte('\n')
	}
	for _, l := range f.Lines {
		fmt.Fprintf(&b, "%s:%d: %s", l.File, l.Number, l)
		if l.Masked {
			b.WriteString(" (masked)")
		}
		b.WriteByte('\n')
	}
	for _, p := range f.Problems {
		fmt.Fprintf(&b, "problem %s:%d: %s\n", p.File, p.Line, p.Reason)
	}
	return b.String()
}

func TestFindLines(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, ""},
		{"names sort as bytes across directories", map[string]string{
			"etc/sysctl.d/a.conf": "k.a=1", "usr/lib/sysctl.d/10-a.conf": "k.b=2", "run/sysctl.d/9-a.conf": "k.c=3",
			"usr/local/lib/sysctl.d/Z.conf": "k.d=4", "etc/sysctl.d/_b.conf": "k.e=5",
		}, `read /usr/lib/sysctl.d/10-a.conf
read /run/sysctl.d/9-a.conf
read /usr/local/lib/sysctl.d/Z.conf
read /etc/sysctl.d/_b.conf
read /etc/sysctl.d/a.conf
/usr/lib/sysctl.d/10-a.conf:1: k.b = 2
/run/sysctl.d/9-a.conf:1: k.c = 3
/usr/local/lib/sysctl.d/Z.conf:1: k.d = 4
/etc/sysctl.d/_b.conf:1: k.e = 5
/etc/sysctl.d/a.conf:1: k.a = 1
`},
		{"the best directory masks the others", map[string]string{
			"etc/sysctl.d/x.conf": "k.a=4", "run/sysctl.d/x.conf": "k.a=3",
			"usr/local/lib/sysctl.d/x.conf": "k.a=2", "usr/lib/sysctl.d/x.conf": "k.a=1", "lib/sysctl.d/x.conf": "k.a=0",
		}, `read /etc/sysctl.d/x.conf
read /run/sysctl.d/x.conf masked by /etc/sysctl.d/x.conf
read /usr/local/lib/sysctl.d/x.conf masked by /etc/sysctl.d/x.conf
read /usr/lib/sysctl.d/x.conf masked by /etc/sysctl.d/x.conf
read /lib/sysctl.d/x.conf masked by /etc/sysctl.d/x.conf
/etc/sysctl.d/x.conf:1: k.a = 4
/run/sysctl.d/x.conf:1: k.a = 3 (masked)
/usr/local/lib/sysctl.d/x.conf:1: k.a = 2 (masked)
/usr/lib/sysctl.d/x.conf:1: k.a = 1 (masked)
/lib/sysctl.d/x.conf:1: k.a = 0 (masked)
`},
		{"only .conf, hidden ones too", map[string]string{
			"etc/sysctl.d/99-a.conf.bak": "k.a=1", "etc/sysctl.d/zz.CONF": "k.a=1", "etc/sysctl.d/zz.conf~": "k.a=1",
			"etc/sysctl.d/README": "k.a=1", "etc/sysctl.d/.foo.conf": "k.a=2", "etc/sysctl.d/.conf": "k.a=3",
		}, `read /etc/sysctl.d/.conf hidden
read /etc/sysctl.d/.foo.conf hidden
/etc/sysctl.d/.conf:1: k.a = 3
/etc/sysctl.d/.foo.conf:1: k.a = 2
`},
		{"masks: link to /dev/null, empty file", map[string]string{
			"etc/sysctl.d/n.conf": "-> /dev/null", "usr/lib/sysctl.d/n.conf": "k.n=1",
			"etc/sysctl.d/e.conf": "", "usr/lib/sysctl.d/e.conf": "k.e=1",
			"run/sysctl.d/r.conf": "-> ../../dev/null", "lib/sysctl.d/r.conf": "k.r=1",
		}, `read /etc/sysctl.d/e.conf
read /usr/lib/sysctl.d/e.conf masked by /etc/sysctl.d/e.conf
read /etc/sysctl.d/n.conf -> /dev/null symlink null
read /usr/lib/sysctl.d/n.conf masked by /etc/sysctl.d/n.conf
read /run/sysctl.d/r.conf -> /dev/null symlink null
read /lib/sysctl.d/r.conf masked by /run/sysctl.d/r.conf
/usr/lib/sysctl.d/e.conf:1: k.e = 1 (masked)
/usr/lib/sysctl.d/n.conf:1: k.n = 1 (masked)
/lib/sysctl.d/r.conf:1: k.r = 1 (masked)
`},
		{"one file, two names: 99-sysctl.conf", map[string]string{
			"etc/sysctl.conf": "k.a=1", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "etc/ufw/sysctl.conf": "k/b=2",
		}, `read /etc/sysctl.d/99-sysctl.conf -> /etc/sysctl.conf symlink
read /etc/sysctl.conf
read /etc/ufw/sysctl.conf
/etc/sysctl.conf:1: k.a = 1
/etc/ufw/sysctl.conf:1: k.b = 2
`},
		{"one directory, two names: /lib", map[string]string{
			"lib": "-> usr/lib", "usr/lib/sysctl.d/50.conf": "k.a=1",
		}, `read /usr/lib/sysctl.d/50.conf also /lib/sysctl.d/50.conf
/usr/lib/sysctl.d/50.conf:1: k.a = 1
`},
		{"a link to the file it would mask", map[string]string{
			"etc/sysctl.d/50.conf": "-> /usr/lib/sysctl.d/50.conf", "usr/lib/sysctl.d/50.conf": "k.a=1",
		}, `read /etc/sysctl.d/50.conf -> /usr/lib/sysctl.d/50.conf symlink also /usr/lib/sysctl.d/50.conf
/usr/lib/sysctl.d/50.conf:1: k.a = 1
`},
		{"masked under one name, read under another", map[string]string{
			"etc/sysctl.d/50.conf": "k.b=2", "usr/lib/sysctl.d/50.conf": "k.a=1", "etc/sysctl.d/60.conf": "-> /usr/lib/sysctl.d/50.conf",
		}, `read /etc/sysctl.d/50.conf
read /usr/lib/sysctl.d/50.conf masked by /etc/sysctl.d/50.conf
read /etc/sysctl.d/60.conf -> /usr/lib/sysctl.d/50.conf symlink
/etc/sysctl.d/50.conf:1: k.b = 2
/usr/lib/sysctl.d/50.conf:1: k.a = 1
`},
		{"absolute links stay inside the root", map[string]string{
			"etc/sysctl.d": "-> /opt/conf", "opt/conf/a.conf": "-> /../../../opt/real", "opt/real": "k.a=1",
		}, `read /etc/sysctl.d/a.conf -> /opt/real symlink
/opt/real:1: k.a = 1
`},
		{"what cannot be read masks too", map[string]string{
			"etc/sysctl.d/d.conf/": "", "usr/lib/sysctl.d/d.conf": "k.a=1",
			"etc/sysctl.d/gone.conf": "-> /nowhere", "usr/lib/sysctl.d/gone.conf": "k.b=1",
			"etc/sysctl.d/loop.conf": "-> loop.conf", "etc/sysctl.conf/": "",
		}, `read /etc/sysctl.d/d.conf
read /usr/lib/sysctl.d/d.conf masked by /etc/sysctl.d/d.conf
read /etc/sysctl.d/gone.conf -> /nowhere symlink
read /usr/lib/sysctl.d/gone.conf masked by /etc/sysctl.d/gone.conf
read /etc/sysctl.d/loop.conf symlink
read /etc/sysctl.conf
/usr/lib/sysctl.d/d.conf:1: k.a = 1 (masked)
/usr/lib/sysctl.d/gone.conf:1: k.b = 1 (masked)
problem /etc/sysctl.d/d.conf:0: open: is a directory
problem /etc/sysctl.d/gone.conf:0: dangling link to "/nowhere"
problem /etc/sysctl.d/loop.conf:0: open: too many levels of symbolic links
problem /etc/sysctl.conf:0: open: is a directory
`},
		{"a file in place of a directory", map[string]string{"etc/sysctl.d": "x", "run": "x"},
			"problem /etc/sysctl.d:0: list: not a directory\nproblem /run/sysctl.d:0: list: not a directory\n"},
		{"problems of lines", map[string]string{"etc/sysctl.d/a.conf": "\nwhat\nk.a=1"},
			"read /etc/sysctl.d/a.conf\n/etc/sysctl.d/a.conf:3: k.a = 1\nproblem /etc/sysctl.d/a.conf:2: no \"=\" after the key\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := FindLines(makeTree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, brief(files)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFindLinesPipe(t *testing.T) {
	root := makeTree(t, map[string]string{"etc/sysctl.d/": ""})
	if err := syscall.Mkfifo(filepath.Join(root, "etc/sysctl.d/p.conf"), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := FindLines(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("read /etc/sysctl.d/p.conf\nproblem /etc/sysctl.d/p.conf:0: open: not a regular file\n", brief(files)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFindLinesBounds(t *testing.T) {
	tree := map[string]string{}
	comment := strings.Repeat("#", MaxFileBytes-1) + "\n"
	const fits = MaxTotalBytes / MaxFileBytes
	for i := range fits + 2 {
		tree[fmt.Sprintf("etc/sysctl.d/%02d.conf", i)] = comment
	}
	files, err := FindLines(makeTree(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	if len(files.Problems) == 0 || !strings.Contains(files.Problems[0].Reason, "bytes in all files together") {
		t.Errorf("problems: %+v", files.Problems)
	}
}

func TestFindLinesRefuses(t *testing.T) {
	root := makeTree(t, map[string]string{"file": ""})
	for _, name := range []string{"none", "file"} {
		files, err := FindLines(filepath.Join(root, name))
		if err == nil || files != nil {
			t.Errorf("%s: %v, %v; want an error only", name, files, err)
		}
	}
}

func TestLinesOf(t *testing.T) {
	files, err := FindLines(makeTree(t, map[string]string{
		"etc/sysctl.conf": "k.a=1\nk.b=2", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "etc/sysctl.d/a.conf": "k.c=3",
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, info := range files.Read {
		got[info.Path] = len(files.LinesOf(info))
	}
	want := map[string]int{"/etc/sysctl.conf": 2, "/etc/sysctl.d/99-sysctl.conf": 2, "/etc/sysctl.d/a.conf": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestFindLinesHost reads the configuration of the machine that runs the test: every
// line must lead back to the place that it names.
func TestFindLinesHost(t *testing.T) {
	files, err := FindLines("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range files.Lines {
		data, err := os.ReadFile(line.File)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Split(string(data), "\n")[line.Number-1]
		if !strings.Contains(text, line.RawKey) || !strings.Contains(text, line.Value) {
			t.Errorf("%s:%d is %q, not %v", line.File, line.Number, text, line)
		}
	}
}
