// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// complete returns what tcptune offers for the last word, without descriptions.
func complete(t *testing.T, args ...string) []string {
	t.Helper()
	var out, talk bytes.Buffer
	status := run(t.Context(), append([]string{"__complete"}, args...), streams{in: strings.NewReader(""), out: &out, err: &talk})
	if status != 0 {
		t.Fatalf("complete %q: status %d: %s", args, status, talk.String())
	}
	var words []string
	for line := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

func TestComplete(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string // are among what is offered
	}{
		{[]string{""}, []string{"check", "states", "explain", "apply"}},
		{[]string{"explain", ""}, []string{"TIME_WAIT", "tcp_fin_timeout", "net.ipv4.tcp_fin_timeout", "ListenOverflows", "TcpExt.ListenOverflows", "close-wait-leak", "keys"}},
		{[]string{"where", ""}, []string{"tcp_fin_timeout", "net.core.somaxconn"}},
		{[]string{"rules", "show", ""}, []string{"close-wait-leak"}},
		{[]string{"rules", "list", "--only", ""}, []string{"time-wait"}},
		{[]string{"profiles", "show", ""}, []string{"server"}},
		{[]string{"check", "--only", ""}, []string{"close-wait-leak", "time-wait"}},
		{[]string{"check", "--only", "time-wait,close"}, []string{"time-wait,close-wait-leak"}},
		{[]string{"check", "--skip", ""}, []string{"close-wait-leak", "time-wait"}},
		{[]string{"check", "--profile", ""}, []string{"server", "web"}},
		{[]string{"check", "--format", ""}, []string{"text", "json"}},
		{[]string{"check", "--fail-on", ""}, []string{"warning", "never", "new-warning"}},
		{[]string{"check", "--netns", ""}, []string{"all"}},
		{[]string{"check", "--color", ""}, []string{"auto", "always", "never"}},
		{[]string{"check", "--window", ""}, nil},
		{[]string{"states", "--by", ""}, []string{"listener", "process"}},
		{[]string{"plan", "--set", ""}, []string{"tcp_fin_timeout=", "net.core.somaxconn="}},
		{[]string{"apply", "--set", "tcp_tw_reuse="}, []string{"tcp_tw_reuse=0", "tcp_tw_reuse=1", "tcp_tw_reuse=2"}},
		{[]string{"apply", "--unset", ""}, []string{"tcp_fin_timeout"}},
		{[]string{"apply", "--max-risk", ""}, []string{"low"}},
		{[]string{"version", ""}, nil},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			words := complete(t, tt.args...)
			for _, want := range tt.want {
				if !slices.Contains(words, want) {
					t.Errorf("%q is not among %d words", want, len(words))
				}
			}
			if len(tt.want) == 0 && len(words) > 0 {
				t.Errorf("want no word, got %q", words)
			}
		})
	}
}

// TestCompleteWatch: watch has no baseline, and so none of the words that need one.
func TestCompleteWatch(t *testing.T) {
	want := []string{"info", "notice", "warning", "critical", "never"}
	if diff := cmp.Diff(want, complete(t, "watch", "--fail-on", "")); diff != "" {
		t.Errorf("words of --fail-on (-want +got):\n%s", diff)
	}
}

// TestShells runs the script that tcptune prints for a shell in that shell, as the tab
// key does. bash and zsh have what they would call inside their line editors replaced.
func TestShells(t *testing.T) {
	for _, tt := range []struct {
		shell  string
		args   []string
		script string // $1 is the completion script
	}{
		{"bash", []string{"--norc"}, `
			. /usr/share/bash-completion/bash_completion || exit 9
			. "$1"
			try() {
				COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9
				__start_tcptune tcptune
				echo "${COMPREPLY[@]}"
			}
			compopt() { :; }
			try tcptune explain tcp_fin_t
			try tcptune check --only close-wait-l
			try tcptune profiles show deskt`},
		{"fish", []string{"--no-config"}, `
			source $argv[1]
			complete -C 'tcptune explain tcp_fin_t' | string split -f 1 \t
			complete -C 'tcptune check --only close-wait-l' | string split -f 1 \t
			complete -C 'tcptune profiles show deskt' | string split -f 1 \t`},
		{"zsh", []string{"-f"}, `
			compdef() { : }
			_describe() { print -rl -- $completions }
			source "$1"
			try() { words=("$@"); CURRENT=$#; _tcptune }
			try tcptune explain tcp_fin_t
			try tcptune check --only close-wait-l
			try tcptune profiles show deskt`},
	} {
		t.Run(tt.shell, func(t *testing.T) {
			path, err := exec.LookPath(tt.shell)
			if err != nil {
				require(t, "shells", tt.shell+" is not installed: its completion cannot be tried")
			}
			dir := t.TempDir()
			script := filepath.Join(dir, "completion")
			var out, talk bytes.Buffer
			if status := run(t.Context(), []string{"completion", tt.shell}, streams{in: strings.NewReader(""), out: &out, err: &talk}); status != 0 {
				t.Fatal(talk.String())
			}
			if err := os.WriteFile(script, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			args := append(slices.Clone(tt.args), "-c", tt.script)
			if tt.shell != "fish" {
				args = append(args, tt.shell) // $0
			}
			cmd := exec.CommandContext(ctx, path, append(args, script)...)
			cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
			got, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() == 9 {
				require(t, "shells", "the package bash-completion is not installed")
			}
			for _, want := range []string{"tcp_fin_timeout", "close-wait-leak", "desktop"} {
				if !strings.Contains(string(got), want) {
					t.Errorf("%s does not offer %s (%v):\n%s", tt.shell, want, err, got)
				}
			}
		})
	}
}
