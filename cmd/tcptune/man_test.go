// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The manual is made from the help of the commands and from pages of docs by this
// test, so that the program does not hold what turns Markdown into roff. It is written
// by -update.
//
//go:generate go test . -run ^TestManual$ -count=1 -update

// manDate stands in every page: that of a build would make each build another one.
const manDate = "2026-11-28"

// manDir is where the pages are, from here.
const manDir = "../../docs/man"

// TestManual: what is committed is what help says now.
func TestManual(t *testing.T) {
	pages := manual(t)
	committed, err := filepath.Glob(filepath.Join(manDir, "*.[1-9]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range committed {
		if pages[filepath.Base(path)] != "" {
			continue
		}
		if *update {
			err = os.Remove(path)
		}
		if err != nil || !*update {
			t.Errorf("%s: no command has this page (%v)", path, err)
		}
	}
	for name, page := range pages {
		path := filepath.Join(manDir, name)
		if *update {
			if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		old, err := os.ReadFile(path)
		if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(page, "\n")); err != nil || diff != "" {
			t.Errorf("docs/man/%s: go generate ./cmd/tcptune writes what help says now (%v) (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestManualLint: mandoc has nothing to say about the pages.
func TestManualLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		require(t, "mandoc", "mandoc is not installed: the manual cannot be checked")
	}
	pages, err := filepath.Glob(filepath.Join(manDir, "*.[1-9]"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no page of the manual: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), mandoc, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// TestConfigurationPage: the page names every setting, and its example is accepted.
func TestConfigurationPage(t *testing.T) {
	page := readDoc(t, "configuration.md")
	for _, name := range settingNames {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("configuration.md does not name %s", name)
		}
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(page)
	if example == nil {
		t.Fatal("no example")
	}
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte(example[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	status := run(t.Context(), []string{"check", "--from", "../../docs/examples/close-wait-leak.json", "--config", config}, streams{in: strings.NewReader(""), out: &out, err: &talk})
	if status != exitNo || talk.Len() > 0 {
		t.Errorf("status %d: %s", status, talk.String())
	}
}

// manual makes all pages, by file name.
func manual(t *testing.T) map[string]string {
	t.Helper()
	pages := make(map[string]string)
	root := newTestRoot()
	eachCommand(root, func(cmd *cobra.Command) {
		if cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return // the page of completion shows each
		}
		name := manName(cmd)
		pages[name+".1"] = roff(name, 1, "User commands", commandPage(t, cmd))
	})
	for name, page := range map[string]string{"tcptune-rules": "rule-format.md", "tcptune-waivers": "waivers.md", "tcptune-config": "configuration.md"} {
		pages[name+".5"] = roff(name, 5, "File formats", docPage(t, name, page))
	}
	return pages
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func roff(name string, section int, title, page string) string {
	head := fmt.Sprintf("%% %q \"%d\" %q \"tcptune\" %q\n\n", strings.ToUpper(name), section, manDate, title)
	return string(md2man.Render([]byte(head + page)))
}

// commandPage is the page of a command in Markdown.
func commandPage(t *testing.T, cmd *cobra.Command) string {
	t.Helper()
	var b strings.Builder
	section := func(title string) { fmt.Fprintf(&b, "\n# %s\n\n", title) }
	section("NAME")
	fmt.Fprintf(&b, "%s - %s\n", manName(cmd), manText(strings.ToLower(cmd.Short[:1])+cmd.Short[1:]))
	section("SYNOPSIS")
	if cmd.HasParent() {
		fmt.Fprintf(&b, "**%s**%s\n", cmd.CommandPath(), manText(strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n**%s** COMMAND [flags]\n", cmd.CommandPath())
	}
	section("DESCRIPTION")
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	b.WriteString(manText(long) + "\n")
	if cmd.HasAvailableSubCommands() {
		section("COMMANDS")
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				fmt.Fprintf(&b, "**%s**\n: %s\n\n", manText(sub.Name()), manText(sub.Short))
			}
		}
	}
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		section("OPTIONS")
		b.WriteString(manFlags(flags))
	}
	if flags := cmd.InheritedFlags(); flags.HasAvailableFlags() {
		section("OPTIONS OF ALL COMMANDS")
		b.WriteString(manFlags(flags))
	}
	section("EXAMPLES")
	b.WriteString("```\n" + manExamples(cmd) + "\n```\n")
	if !cmd.HasParent() {
		b.WriteString(rootSections(t))
	}
	section("SEE ALSO")
	b.WriteString(strings.Join(seeAlso(cmd), ", ") + "\n")
	return b.String()
}

// manExamples are the examples of a command, and of those that have no page.
func manExamples(cmd *cobra.Command) string {
	example := cmd.Example
	if cmd.Name() == "completion" {
		example = ""
		for _, shell := range cmd.Commands() {
			example += shell.Example + "\n"
		}
	}
	return strings.TrimRight(regexp.MustCompile(`(?m)^  `).ReplaceAllString(example, ""), "\n")
}

func manFlags(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "**--" + f.Name + "**"
		if f.Shorthand != "" {
			name = "**-" + f.Shorthand + "**, " + name
		}
		if value != "" {
			name += " *" + manText(value) + "*"
		}
		if standard := f.DefValue; standard != "" && standard != "false" && standard != "0" && standard != "0s" && standard != "[]" {
			usage += " (default " + standard + ")"
		}
		fmt.Fprintf(&b, "%s\n: %s\n\n", name, manText(usage))
	})
	return b.String()
}

// rootSections are what only tcptune(1) says: for all commands.
func rootSections(t *testing.T) string {
	t.Helper()
	statuses := readDoc(t, "exit-status.md")
	table := regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \| .* \|$`)
	var b strings.Builder
	b.WriteString("\n# EXIT STATUS\n\n")
	for _, m := range table.FindAllStringSubmatch(statuses, -1) {
		fmt.Fprintf(&b, "**%s**\n: %s\n\n", m[1], m[2])
	}
	b.WriteString("\n# ENVIRONMENT\n\n")
	for _, name := range settingNames {
		fmt.Fprintf(&b, "**%s**\n: what --%s says, unless the flag is given\n\n", environmentName(name), name)
	}
	b.WriteString("**NO\\_COLOR**\n: any value turns colour off\n\n")
	b.WriteString("**COLUMNS**\n: the width of the text, where standard output is no terminal\n\n")
	b.WriteString("\n# FILES\n\n")
	for _, row := range [][2]string{
		{defaultConfigFile, "settings of every run, see tcptune-config(5)"},
		{defaultRulesDir, "rules of the host's administrator, see tcptune-rules(5)"},
		{"/etc/tcptune/waivers.yaml", "findings that are known and accepted, see tcptune-waivers(5)"},
		{"/etc/sysctl.d/90-tcptune.conf", "the drop-in that apply writes"},
		{"/var/lib/tcptune/journal", "what apply did, for rollback"},
	} {
		fmt.Fprintf(&b, "**%s**\n: %s\n\n", row[0], row[1])
	}
	return b.String()
}

// seeAlso names the pages of the commands above, below and beside.
func seeAlso(cmd *cobra.Command) []string {
	var names []string
	add := func(c *cobra.Command) {
		if c != cmd && !c.Hidden {
			names = append(names, "**"+manName(c)+"**(1)")
		}
	}
	if cmd.HasParent() {
		add(cmd.Parent())
		for _, c := range cmd.Parent().Commands() {
			add(c)
		}
	}
	for _, c := range cmd.Commands() {
		if cmd.Name() != "completion" {
			add(c)
		}
	}
	slices.Sort(names)
	return append(names, "**tcptune-config**(5)", "**tcptune-rules**(5)", "**tcptune-waivers**(5)", "**sysctl.d**(5)", "**tcp**(7)")
}

// manText escapes what Markdown would take for marks, outside of lines that are code.
func manText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "<", `\<`, "|", `\|`, "`", "\\`", "#", `\#`).Replace(text)
}

// relativeLink is one that leads nowhere from a page of the manual.
var relativeLink = regexp.MustCompile(`\[([^\]]+)\]\((?:[^():]|:[^/])*\)`)

// docPage makes a page of the manual from one of docs: the heading becomes the name.
func docPage(t *testing.T, name, file string) string {
	t.Helper()
	text := readDoc(t, file)
	title, body, _ := strings.Cut(text, "\n")
	title = strings.TrimPrefix(title, "# ")
	body = relativeLink.ReplaceAllString(body, "$1")
	body = strings.ReplaceAll(body, "\n## ", "\n# ")
	body = regexp.MustCompile("(?m)^```[a-z].*$").ReplaceAllString(body, "```")
	return fmt.Sprintf("# NAME\n\n%s - %s\n\n# DESCRIPTION\n%s\n# SEE ALSO\n\n**tcptune**(1), **tcptune-check**(1)\n", name, strings.ToLower(title[:1])+title[1:]+" of tcptune", body)
}

func readDoc(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}
