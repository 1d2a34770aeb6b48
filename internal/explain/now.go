// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/rules"
)

// Now is how a topic stands on the examined host: the number of a state or a counter,
// the value of a key and the lines that set it, whether a rule fires. It is not ok for a
// topic that is not collected.
//
// totals are the counters of the host by name, those that are no facts included; nil
// if they were not read.
func (l *Library) Now(t Topic, f *facts.Facts, totals map[string]int64) (s Section, ok bool) {
	s.Heading = "On this host now"
	switch t.Kind {
	case KindState:
		s.Rows = stateNow(t.Name, f)
	case KindSysctl:
		s.Rows = sysctlNow(t.Name, f)
	case KindCounter:
		s.Rows = counterNow(t.Name, totals)
	case KindRule:
		if r, ok := l.rule(t.Name); ok {
			s.Rows = ruleNow(r, f)
		}
	}
	return s, len(s.Rows) > 0
}

// stateNow counts the sockets in a state. The name of a topic is that of the
// fact, in capitals.
func stateNow(name string, f *facts.Facts) []Row {
	if f.Sockets == nil {
		return []Row{{"sockets", "unknown"}}
	}
	return []Row{{"sockets", integer(fieldByTag(f.Sockets, strings.ToLower(name)))}}
}

// counterNow shows the number of a counter. Some are not collected, such as most
// columns of softnet_stat.
func counterNow(name string, totals map[string]int64) []Row {
	section, _, _ := strings.Cut(name, ".")
	label := "since boot, or since the namespace was made"
	switch {
	case section == "TCP" || section == "TCP6" || name == "nf_conntrack.entries":
		label = "now"
	case section == "softnet_stat" || section == "nf_conntrack" || section == "arp_cache":
		label = "since boot"
	}
	if n, ok := totals[name]; ok {
		return []Row{{label, integer(&n)}}
	}
	if section != "Tcp" && section != "TcpExt" {
		return nil
	}
	for known := range totals {
		if strings.HasPrefix(known, section+".") {
			return []Row{{label, "this kernel does not have it"}}
		}
	}
	return []Row{{label, "unknown"}}
}

// sysctlNow shows the live value, the lines of files that set the key, and for
// the keys that popular articles set, whether that would help now.
func sysctlNow(key string, f *facts.Facts) []Row {
	if strings.Contains(key, "*") {
		return patternNow(key, f)
	}
	live := "unknown"
	if v, ok := f.SysctlText(key); ok {
		live = v
		if live == "" {
			live = "(empty)"
		}
	} else if exists, known := f.SysctlExists(key); known && !exists {
		live = "does not exist here"
	}
	rows := []Row{{"live value", live}}
	if d, ok := f.SysctlDefaultText(key); ok && d != "" {
		rows = append(rows, Row{"kernel's default here", d})
	}
	if f.Files != nil {
		for _, l := range f.Files.Lines(key) {
			rows = append(rows, Row{"set in", fmt.Sprintf("%s to %s", l.Address, l.Value)})
		}
	}
	if help := wouldHelp(key, f); help != "" {
		rows = append(rows, Row{"would it help", help})
	}
	return rows
}

// patternNow shows the values of the two names that stand for all interfaces.
func patternNow(key string, f *facts.Facts) []Row {
	var rows []Row
	for _, name := range []string{"all", "default"} {
		one := strings.Replace(key, "*", name, 1)
		if v, ok := f.SysctlText(one); ok {
			rows = append(rows, Row{one, v})
		}
	}
	return rows
}

// maxFound is how many findings of a rule a page shows.
const maxFound = 5

// ruleNow judges a rule by one instant: rates are unknown.
func ruleNow(r *rules.Rule, f *facts.Facts) []Row {
	set, err := rules.NewSet([]*rules.Rule{r})
	if err != nil {
		return nil
	}
	results := set.Evaluate(f, rules.Options{})
	var rows []Row
	for i, found := range results.Findings {
		if i == maxFound {
			rows = append(rows, Row{"and more", strconv.Itoa(len(results.Findings) - maxFound)})
			break
		}
		subject := found.Subject
		if subject == "" {
			subject = found.Title
		}
		rows = append(rows, Row{"it fires", string(found.Severity) + ": " + subject})
	}
	for _, skipped := range results.Skipped {
		rows = append(rows, Row{"not judged", "unknown without a window: " + strings.Join(skipped.Missing, ", ")})
	}
	if len(rows) == 0 {
		rows = append(rows, Row{"judged by one look", "it does not fire"})
	}
	return rows
}

// wouldHelp answers for the four settings that travel from article to article.
func wouldHelp(key string, f *facts.Facts) string {
	switch key {
	case "net.ipv4.tcp_syncookies":
		return syncookiesHelp(f)
	case "net.ipv4.tcp_tw_reuse":
		return reuseHelp(f)
	case "net.ipv4.tcp_tw_recycle":
		return "no: it dropped clients behind NAT while it existed, and Linux 4.12 removed it"
	case "net.ipv4.tcp_fin_timeout":
		return finTimeoutHelp(f)
	}
	return ""
}

func syncookiesHelp(f *facts.Facts) string {
	mode, ok := f.Sysctl("net.ipv4.tcp_syncookies", 0)
	switch {
	case !ok:
		return ""
	case mode == 0:
		return "yes: cookies are off, so a full SYN queue drops the SYNs of real clients; 1 costs nothing before that"
	}
	sent := "unknown"
	if f.Total != nil {
		sent = integer(f.Total.SyncookiesSent)
	}
	return "1 changes nothing: cookies are on already; sent so far: " + sent
}

// shortOfPorts is the share of the range from which on connect() has to search
// long, and reuse is worth a thought.
const shortOfPorts = 0.5

func reuseHelp(f *facts.Facts) string {
	timestamps, ok := f.Sysctl("net.ipv4.tcp_timestamps", 0)
	switch {
	case ok && timestamps == 0:
		return "no: without tcp_timestamps it does nothing"
	case f.Ports == nil || f.Ports.MaxUse == nil:
		return ""
	case *f.Ports.MaxUse < shortOfPorts:
		bound := "at most "
		if f.Ports.Exact != nil && *f.Ports.Exact {
			bound = ""
		}
		return fmt.Sprintf("no: it serves outgoing connections that run short of local ports, and the fullest destination uses %s%.1f%% of them", bound, 100**f.Ports.MaxUse)
	}
	return fmt.Sprintf("perhaps: the fullest destination uses %.1f%% of the local ports; tcptune check says whether pooling or a wider range is better", 100**f.Ports.MaxUse)
}

func finTimeoutHelp(f *facts.Facts) string {
	s := f.Sockets
	if s == nil || s.FinWait2Unowned == nil {
		return ""
	}
	text := fmt.Sprintf("a lower value would shorten FIN_WAIT2 without a process (%s now)", integer(s.FinWait2Unowned))
	if s.TimeWait != nil {
		text += fmt.Sprintf(", never TIME_WAIT (%s now, 60 s each, fixed)", integer(s.TimeWait))
	}
	return text
}

// fieldByTag returns the number of a fact by its name; nil when it is unknown.
func fieldByTag(group any, name string) *int64 {
	v := reflect.ValueOf(group).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("cel") == name {
			n, _ := v.Field(i).Interface().(*int64)
			return n
		}
	}
	return nil
}

func integer(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatInt(*n, 10)
}
