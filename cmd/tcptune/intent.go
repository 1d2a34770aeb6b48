// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// intentOptions say which settings are wanted: what plan and apply share.
type intentOptions struct {
	profile     string
	recommended bool
	set         []string
	unset       []string
	absent      bool
	profiles    profileOptions
	refresh     bool
	maxRisk     string
	allowAny    bool
	waivers     waiverOptions

	source     sourceOptions // for --recommended
	rulesDir   string        // further rules, for --recommended
	only, skip []string      // rules and categories, for --recommended
}

// sourceFlags are the flags that ask for something.
var sourceFlags = []string{"profile", "recommended", "set", "unset", "absent", "refresh"}

// recommendedFlags are the flags that say more about --recommended.
var recommendedFlags = []string{"max-risk", "window", "rules", "only", "skip", "waivers"}

func (o *intentOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "", "settings of this profile; replaces the profile of an earlier run")
	f.BoolVar(&o.recommended, "recommended", false, "run check and take the settings that its findings recommend")
	f.StringArrayVar(&o.set, "set", nil, "one setting, KEY=VALUE; repeatable")
	f.StringArrayVar(&o.unset, "unset", nil, "take this key out again, and restore its value from before tcptune; repeatable")
	f.BoolVar(&o.absent, "absent", false, "take everything out and remove the drop-in")
	o.profiles.addDirFlag(cmd)
	o.profiles.addPathFlags(cmd)
	f.BoolVar(&o.refresh, "refresh", false, "read anew what the profile's formulas need, instead of keeping what the first run read")
	f.StringVar(&o.maxRisk, "max-risk", "low", "with --recommended: take settings up to this risk ("+strings.Join(rules.Risks(), ", ")+")")
	f.BoolVar(&o.allowAny, "allow-any", false, "allow keys outside net.")
	o.waivers.addFlag(cmd)
	f.Duration("window", defaultWindow, "with --recommended: time between the two snapshots; 0 takes one")
	f.StringSlice("only", nil, "with --recommended: take what these rules or categories recommend only")
	f.StringSlice("skip", nil, "with --recommended: leave out what these rules or categories recommend")
	addRulesFlag(cmd, &o.rulesDir)
	completeWords(cmd, "max-risk", rules.Risks())
	completeSettings(cmd, "set")
	completeKeys(cmd, "unset")
	completeRules(cmd, "only", "skip")
	completeProfiles(cmd, "profile")
}

// complete checks what the flags say together.
func (o *intentOptions) complete(cmd *cobra.Command, settings *fileSettings) error {
	flags := cmd.Flags()
	if !slices.ContainsFunc(sourceFlags, flags.Changed) {
		return usageError(fmt.Errorf("%s was not told what to change", cmd.CommandPath()),
			"name it: --profile NAME, --recommended, --set KEY=VALUE, --unset KEY or --absent")
	}
	if o.absent {
		for _, name := range sourceFlags {
			if name != "absent" && flags.Changed(name) {
				return usageError(fmt.Errorf("--absent and --%s exclude each other: --absent takes everything out", name), "")
			}
		}
	}
	if flags.Changed("profile") && o.profile == "" {
		return usageError(errors.New("--profile needs a name"), "tcptune profiles list shows the profiles")
	}
	for _, name := range []string{"rate", "rtt", "profiles"} {
		if flags.Changed(name) && o.profile == "" && !o.refresh {
			return usageError(fmt.Errorf("--%s is for a profile, and none is named", name), "add --profile NAME")
		}
	}
	for _, name := range recommendedFlags {
		if flags.Changed(name) && !o.recommended {
			return usageError(fmt.Errorf("--%s is for --recommended, which is not there", name), "")
		}
	}
	if !slices.Contains(rules.Risks(), o.maxRisk) {
		return usageError(fmt.Errorf("--max-risk %q is not one of %s", o.maxRisk, strings.Join(rules.Risks(), ", ")), "")
	}
	o.only, o.skip = settings.Only, settings.Skip
	return o.source.complete(cmd, settings)
}

// keyChecker turns what people type into keys.
type keyChecker struct {
	catalogue *sysctl.Catalogue
	allowAny  bool
	exists    func(sysctl.Key) bool // whether the host has a key that the catalogue does not know
}

// key resolves a name: a whole key, or the last component of a known one.
func (c keyChecker) key(name string) (sysctl.Key, error) {
	switch keys := c.catalogue.Resolve(name); len(keys) {
	case 0:
	case 1:
		return c.allow(keys[0])
	default:
		return sysctl.Key{}, fmt.Errorf("%q may be %s: write the whole key", name, joinOr(keys))
	}
	key, err := sysctl.ParseKey(strings.TrimPrefix(name, "/proc/sys/"))
	if err != nil {
		return sysctl.Key{}, err
	}
	if c.exists != nil && c.exists(key) {
		return c.allow(key)
	}
	near := c.catalogue.Suggest(name)
	switch whole := strings.Contains(key.Path(), "/"); {
	case len(near) > 0 && (!whole || !c.allowAny):
		return sysctl.Key{}, fmt.Errorf("unknown key %q; did you mean %s?", name, strings.Join(near, " or "))
	case !whole:
		return sysctl.Key{}, fmt.Errorf("unknown key %q: it is not in tcptune's catalogue; write the whole key, such as net.core.somaxconn", name)
	}
	return c.allow(key)
}

// allow refuses keys that stand for several and those outside net.
func (c keyChecker) allow(key sysctl.Key) (sysctl.Key, error) {
	switch {
	case key.Glob():
		return sysctl.Key{}, fmt.Errorf("%s stands for several keys: name one, such as net.ipv4.conf.eth0.rp_filter", key)
	case !c.allowAny && !netKey(key):
		return sysctl.Key{}, fmt.Errorf("%s is outside net., which only --allow-any allows", key)
	}
	return key, nil
}

func netKey(key sysctl.Key) bool { return strings.HasPrefix(key.Path(), "net/") }

func joinOr(keys []sysctl.Key) string {
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = k.String()
	}
	return strings.Join(words, " or ")
}

// parseSet reads the values of --set.
func (c keyChecker) parseSet(list []string) ([]change.Wanted, error) {
	const hint = "write --set KEY=VALUE, and quote a value with blanks: --set 'net.ipv4.tcp_rmem=4096 131072 6291456'"
	seen := map[sysctl.Key]bool{}
	var wanted []change.Wanted
	for _, text := range list {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return nil, usageError(fmt.Errorf("--set %q has no =", text), hint)
		}
		key, err := c.key(strings.TrimSpace(name))
		if err != nil {
			return nil, usageError(fmt.Errorf("--set %s: %w", text, err), "")
		}
		if strings.ContainsAny(value, "\n\r\x00") {
			return nil, usageError(fmt.Errorf("--set %s: the value has a line end or a zero byte", key), hint)
		}
		if seen[key] {
			return nil, usageError(fmt.Errorf("--set names %s twice", key), "")
		}
		seen[key] = true
		w := change.Wanted{Key: key, Value: sysctl.NewValue(value), Bound: change.Exactly, Origin: "--set", Reason: "set on the command line"}
		wanted = append(wanted, w)
	}
	return wanted, nil
}

// parseUnset reads the keys of --unset.
func (c keyChecker) parseUnset(list []string, set []change.Wanted) ([]sysctl.Key, error) {
	c.allowAny = true // taking out is always allowed
	var keys []sysctl.Key
	for _, text := range list {
		key, err := c.key(text)
		if err != nil {
			return nil, usageError(fmt.Errorf("--unset %s: %w", text, err), "")
		}
		if slices.ContainsFunc(set, func(w change.Wanted) bool { return w.Key == key }) {
			return nil, usageError(fmt.Errorf("--set and --unset both name %s", key), "")
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// evaluate works the profile out. What its formulas read is kept from the run
// before, so that the same command means the same as long as nobody refreshes.
func (o *intentOptions) evaluate(ctx context.Context, u *ui, w *workplace, prior change.State) (*change.Profile, []string, error) {
	name := o.profile
	if name == "" {
		if name = prior.Profile; name == "" {
			return nil, nil, usageError(errors.New("--refresh works a profile out anew, and none is applied"), "add --profile NAME")
		}
	}
	var frozen []change.Input
	if name == prior.Profile && !o.refresh {
		frozen = prior.Inputs
	}
	// Before the host is read, as a wrong name is answered at once.
	if _, err := o.profiles.resolve(name); err != nil {
		return nil, nil, err
	}
	once := o.source
	once.length = 0
	window, err := once.window(ctx, u, w.catalogue)
	if err != nil {
		return nil, nil, err
	}
	profile, left, err := evaluateProfile(name, frozen, facts.Derive(window, w.catalogue), o.profiles)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	for _, l := range left {
		notes = append(notes, fmt.Sprintf("profile %s leaves out %s: %s", name, l.Key, l.Reason))
	}
	return profile, notes, nil
}

// recommend runs check and returns what its findings recommend.
func (o *intentOptions) recommend(ctx context.Context, u *ui, catalogue *sysctl.Catalogue) ([]change.Wanted, []string, error) {
	set, err := loadRules(o.rulesDir)
	if err != nil {
		return nil, nil, err
	}
	waivers, err := o.waivers.load(set)
	if err != nil {
		return nil, nil, err
	}
	if set, err = selectRules(set, o.only, o.skip); err != nil {
		return nil, nil, err
	}
	window, err := o.source.window(ctx, u, catalogue)
	if err != nil {
		return nil, nil, err
	}
	check := judge(window, set, catalogue, false)
	check.Waive(waivers, time.Now())
	wanted, notes := recommendations(check, o.allowAny)
	return wanted, notes, nil
}

// recommendations are the settings that findings recommend. The most severe
// finding that names a key decides. Notes say what was left out.
func recommendations(c *report.Check, allowAny bool) (wanted []change.Wanted, notes []string) {
	taken := map[sysctl.Key]bool{}
	left := map[string]bool{}
	for _, f := range c.Findings {
		for _, r := range f.Recommendations {
			if r.Kind != "sysctl" {
				continue
			}
			key, err := sysctl.ParseKey(r.Key)
			if err != nil || taken[key] {
				continue
			}
			if !allowAny && !netKey(key) {
				left[fmt.Sprintf("left out: %s = %s (rule %s): it is outside net., and --allow-any is not there", key, r.Proposed, f.Rule)] = true
				continue
			}
			taken[key] = true
			wanted = append(wanted, wantedOf(f, r, key))
		}
	}
	for _, w := range c.Waived {
		left[fmt.Sprintf("left out: what rule %s recommends: %s waives it", w.Finding.Rule, w.Waiver.Address)] = true
	}
	return wanted, slices.Sorted(maps.Keys(left))
}

func wantedOf(f rules.Finding, r rules.Recommendation, key sysctl.Key) change.Wanted {
	reason := r.Because
	if reason == "" {
		reason = f.Title
	}
	w := change.Wanted{
		Key: key, Value: sysctl.NewValue(r.Proposed), Bound: change.Exactly,
		Origin: "rule " + f.Rule, Reason: strings.Join(strings.Fields(reason), " "),
		Risk: r.Risk, Effect: r.Effect, Guard: strings.Join(f.Unless, "; "),
	}
	if len(f.References) > 0 {
		w.Source = f.References[0]
	}
	return w
}

// build works out what is wanted on this host. Notes say what was left out.
func (o *intentOptions) build(ctx context.Context, u *ui, w *workplace, prior change.State) (change.Intent, []string, error) {
	checker := keyChecker{catalogue: w.catalogue, allowAny: o.allowAny, exists: w.has}
	in := change.Intent{Absent: o.absent}
	var err error
	if in.Set, err = checker.parseSet(o.set); err != nil {
		return in, nil, err
	}
	if in.Unset, err = checker.parseUnset(o.unset, in.Set); err != nil {
		return in, nil, err
	}
	var notes []string
	if o.profile != "" || o.refresh {
		if in.Profile, notes, err = o.evaluate(ctx, u, w, prior); err != nil {
			return in, nil, err
		}
	}
	if o.recommended {
		var left []string
		if in.Recommended, left, err = o.recommend(ctx, u, w.catalogue); err != nil {
			return in, nil, err
		}
		notes = append(notes, left...)
		if len(in.Recommended) == 0 {
			notes = append(notes, "check recommends no setting now")
		}
	}
	return in, notes, nil
}

// summary is what was asked for, for the journal.
func (o *intentOptions) summary() string {
	var words []string
	add := func(flag string, values ...string) {
		for _, v := range values {
			if v != "" {
				words = append(words, "--"+flag+" "+v)
			}
		}
	}
	add("profile", o.profile)
	add("rate", o.profiles.rate)
	add("rtt", o.profiles.rtt)
	for _, flag := range []struct {
		name  string
		given bool
	}{{"refresh", o.refresh}, {"recommended", o.recommended}, {"absent", o.absent}} {
		if flag.given {
			words = append(words, "--"+flag.name)
		}
	}
	if o.recommended {
		add("only", strings.Join(o.only, ","))
		add("skip", strings.Join(o.skip, ","))
	}
	add("set", o.set...)
	add("unset", o.unset...)
	return strings.Join(words, " ")
}
