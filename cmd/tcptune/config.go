// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
)

const defaultConfigFile = "/etc/tcptune/config.yaml"

// maxConfigBytes bounds the config file.
const maxConfigBytes = 1 << 20

// fileSettings are what the config file and the environment (TCPTUNE_WINDOW,
// TCPTUNE_FAIL_ON ...) may set. What decides where tcptune reads or writes
// comes from the command line only.
type fileSettings struct {
	Window    time.Duration `mapstructure:"window"`
	FailOn    string        `mapstructure:"fail-on"`
	Only      []string      `mapstructure:"only"`
	Skip      []string      `mapstructure:"skip"`
	Color     string        `mapstructure:"color"`
	Quiet     bool          `mapstructure:"quiet"`
	NoNetlink bool          `mapstructure:"no-netlink"`
}

// settingNames are the names of fileSettings.
var settingNames = []string{"window", "fail-on", "only", "skip", "color", "quiet", "no-netlink"}

// loadSettings merges the flags of cmd, the environment and the config file,
// in this order. viper ends here: commands see the struct only.
func loadSettings(cmd *cobra.Command) (*fileSettings, error) {
	v := viper.NewWithOptions(viper.KeyDelimiter("::"))
	if err := readConfig(v, cmd); err != nil {
		return nil, err
	}
	for _, name := range settingNames {
		if err := v.BindEnv(name, environmentName(name)); err != nil {
			return nil, fmt.Errorf("bind environment: %w", err)
		}
		flag := cmd.Flags().Lookup(name)
		if flag == nil {
			continue
		}
		if list, err := cmd.Flags().GetStringSlice(name); err == nil {
			if flag.Changed {
				v.Set(name, list)
			}
			continue // viper reads a bound list flag back as text
		}
		if err := v.BindPFlag(name, flag); err != nil {
			return nil, fmt.Errorf("bind flag --%s: %w", name, err)
		}
	}
	if err := checkSettings(cmd, v); err != nil {
		return nil, err
	}
	var s fileSettings
	if err := v.UnmarshalExact(&s); err != nil {
		return nil, configError(fmt.Errorf("read settings: %w", unknownSetting(err)), "settings are: "+strings.Join(settingNames, ", "))
	}
	if !slices.Contains([]string{"auto", "always", "never", ""}, s.Color) {
		return nil, settingError(cmd, "color", fmt.Sprintf("%q is not one of auto, always, never", s.Color))
	}
	return &s, nil
}

// checkSettings refuses values of a wrong kind in words of ours: the decoder
// names neither the value nor what is allowed.
func checkSettings(cmd *cobra.Command, v *viper.Viper) error {
	for _, name := range settingNames {
		text := fmt.Sprint(v.Get(name))
		switch name {
		case "window":
			if _, err := time.ParseDuration(text); v.IsSet(name) && err != nil && text != "0" {
				return settingError(cmd, name, fmt.Sprintf("%q is not a duration such as 10s", text))
			}
		case "quiet", "no-netlink":
			if _, err := strconv.ParseBool(text); v.IsSet(name) && err != nil {
				return settingError(cmd, name, fmt.Sprintf("%q is not true or false", text))
			}
		}
	}
	return nil
}

// settingError refuses a value: a wrong flag is wrong usage, a wrong value of
// the environment or the config file is a bad configuration.
func settingError(cmd *cobra.Command, name, problem string) error {
	if cmd.Flags().Changed(name) {
		return usageError(fmt.Errorf("--%s %s", name, problem), "")
	}
	return configError(fmt.Errorf("setting %s: %s", name, problem), "it comes from the config file or from "+environmentName(name))
}

// environmentName is the variable that sets a setting.
func environmentName(setting string) string {
	return "TCPTUNE_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// readConfig reads the config file. A missing one is no error unless it was
// asked for by name.
func readConfig(v *viper.Viper, cmd *cobra.Command) error {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return fmt.Errorf("read flag --config: %w", err)
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !cmd.Flags().Changed("config"):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return openError(path, err)
	case err != nil:
		return configError(fmt.Errorf("read config: %w", err), "")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	switch {
	case err != nil:
		return configError(fmt.Errorf("read config: %w", err), "")
	case len(data) > maxConfigBytes:
		return configError(fmt.Errorf("read config %s: larger than %d bytes", path, maxConfigBytes), "")
	}
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(data)); err != nil {
		return configError(fmt.Errorf("read config %s: %w", path, err), "")
	}
	for _, key := range v.AllKeys() {
		if !slices.Contains(settingNames, key) {
			return configError(fmt.Errorf("read config %s: unknown setting %q", path, key), "settings are: "+strings.Join(settingNames, ", "))
		}
	}
	return nil
}

// unknownSetting folds the decoder's many lines into one.
func unknownSetting(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
