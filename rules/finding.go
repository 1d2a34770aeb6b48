// SPDX-License-Identifier: Apache-2.0

package rules

// A Severity says how much a finding matters.
type Severity string

// The severities, mildest first.
const (
	Info     Severity = "info"     // an explanation, a myth, something harmless
	Notice   Severity = "notice"   // wrong or risky, no harm seen
	Warning  Severity = "warning"  // will go wrong, or costs much
	Critical Severity = "critical" // users lose connections or data now
)

// Severities are all severities, mildest first.
func Severities() []Severity { return []Severity{Info, Notice, Warning, Critical} }

// AtLeast reports whether s is as severe as min or more.
func (s Severity) AtLeast(min Severity) bool { return s.rank() >= min.rank() }

func (s Severity) rank() int {
	for i, known := range Severities() {
		if s == known {
			return i
		}
	}
	return -1
}

// A Verdict says what kind of answer a finding is.
type Verdict string

// The verdicts.
const (
	VerdictSysctl      Verdict = "sysctl"      // a kernel setting cures it
	VerdictApplication Verdict = "application" // a program must change; no sysctl cures it
	VerdictOperator    Verdict = "operator"    // a person must look: network, peer, capacity
	VerdictConfigFile  Verdict = "config-file" // a line of a file must change
	VerdictHarmless    Verdict = "harmless"    // nothing is to be done
)

// A Finding is one thing that a rule found on the examined host.
type Finding struct {
	Rule            string           `json:"rule"`
	Category        string           `json:"category"`
	Severity        Severity         `json:"severity"`
	Confidence      string           `json:"confidence"` // high, medium, low
	Verdict         Verdict          `json:"verdict"`
	Scope           string           `json:"scope"`             // host, netns, process, peer
	Subject         string           `json:"subject,omitempty"` // the listener, process, destination or file:line it is about
	Title           string           `json:"title"`
	Evidence        []Evidence       `json:"evidence"`
	Why             string           `json:"why"`
	Recommendations []Recommendation `json:"recommendations"`
	Unless          []string         `json:"unless,omitempty"` // what would make the finding wrong, and tcptune cannot see
	References      []string         `json:"references"`
	Because         []Operand        `json:"because,omitempty"` // the values that made the condition true, with --why
	More            int              `json:"more,omitempty"`    // on the last finding of a rule: how many further ones were left out
	Status          Status           `json:"status,omitempty"`  // against a baseline; empty without one
	Was             Severity         `json:"was,omitempty"`     // its severity at the baseline, where that was another
}

// Evidence is one measured value behind a finding.
type Evidence struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // bool, int64, float64 or string; nil when it could not be read
	Unit  string `json:"unit,omitempty"`
	Limit any    `json:"limit,omitempty"` // what the value is compared with
}

// A Recommendation is one thing to do about a finding.
type Recommendation struct {
	Kind     string  `json:"kind"` // sysctl, action or file
	Action   string  `json:"action,omitempty"`
	File     string  `json:"file,omitempty"` // file:line to edit
	Key      string  `json:"key,omitempty"`
	Current  *string `json:"current,omitempty"` // the live value, which may be empty; nil when it is unknown
	Proposed string  `json:"proposed,omitempty"`
	Risk     string  `json:"risk,omitempty"` // none, low, medium, high
	Effect   string  `json:"effect,omitempty"`
	Because  string  `json:"because,omitempty"`
	Command  string  `json:"command,omitempty"` // the exact next command
}

// An Operand is one part of a condition with the value that it had.
type Operand struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// Skipped is a rule that could not be judged, wholly or for some elements of
// its for_each list.
type Skipped struct {
	Rule     string   `json:"rule"`
	Category string   `json:"category"`
	Missing  []string `json:"missing"`            // the facts that are unknown, sorted
	Elements int      `json:"elements,omitempty"` // elements that could not be judged; 0 for the whole rule
	Fault    string   `json:"fault,omitempty"`    // an evaluation error, such as a division by zero, instead of a missing fact
}

// Results are what a set of rules said about one window.
type Results struct {
	Findings []Finding `json:"findings"` // most severe first
	Passed   []string  `json:"passed"`   // ids of rules that were judged and did not fire
	Skipped  []Skipped `json:"skipped"`
	Judged   int       `json:"judged"` // rules judged, wholly or in part
	Rules    int       `json:"rules"`  // rules in the set
}
