// SPDX-License-Identifier: Apache-2.0

package sysctl

// A Reading is a line under one name of its file, with who reads it.
type Reading struct {
	Line
	// Path is the name under which loaders find the file; File may be where it leads.
	Path string
	// Loaders read the line, and as an assignment to the key that was asked about.
	Loaders []Loader
	// Wins are those of Loaders for which it is the winner.
	Wins []Loader
	// MaskedBy is the file because of which no loader reads this one; "" if there is
	// none.
	MaskedBy string
	// UFW reports that the firewall ufw, and no loader, applies the line.
	UFW bool
}

// Readings returns every line that concerns key, masked ones included, in the order of
// reading of procps; that of systemd is the same without its end. A file that is read
// twice has its lines twice.
func (f *Files) Readings(key Key) []Reading {
	var readings []Reading
	for _, info := range f.Read {
		for _, line := range f.LinesOf(info) {
			if !Systemd.concerns(line, key) && !line.Key.Match(key) {
				continue
			}
			r := Reading{Line: line, Path: info.Path, MaskedBy: info.MaskedBy, UFW: info.Path == ufwConf}
			for _, l := range Loaders() {
				if l.reads(info) && l.concerns(line, key) {
					r.Loaders = append(r.Loaders, l)
				}
			}
			readings = append(readings, r)
		}
	}
	for _, l := range Loaders() {
		readings = markWinner(readings, f.Outcome(l, key))
	}
	return readings
}

// markWinner marks the last reading of the outcome's winner.
func markWinner(readings []Reading, o Outcome) []Reading {
	if o.Winner == nil {
		return readings
	}
	last := -1
	for i, r := range readings {
		for _, l := range r.Loaders {
			if l == o.Loader && r.File == o.Winner.File && r.Number == o.Winner.Number {
				last = i
			}
		}
	}
	if last >= 0 {
		readings[last].Wins = append(readings[last].Wins, o.Loader)
	}
	return readings
}
