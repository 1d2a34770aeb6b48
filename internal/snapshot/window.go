// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// SchemaVersion is the version of the saved form of a Window. A reader refuses
// newer ones; an older one stays readable.
const SchemaVersion = 1

// MaxWindowBytes bounds how much of a saved window is read.
const MaxWindowBytes = 256 << 20

// Window is two snapshots of one host, or one: From is nil when only one was
// taken, and then nothing is known about rates.
type Window struct {
	SchemaVersion int       `json:"schema_version"`
	Tool          string    `json:"tool"`                  // program and version that collected it
	Interrupted   bool      `json:"interrupted,omitempty"` // somebody ended it before its time
	From          *Snapshot `json:"from,omitempty"`
	To            *Snapshot `json:"to"`
}

// ErrCutShort is what a wait returns that somebody ended before its time: the
// window ends then, and is kept.
var ErrCutShort = errors.New("the window was cut short")

// Errors of Decode that a caller may want to tell apart.
var (
	ErrNewerSchema = errors.New("newer schema")
	ErrTruncated   = errors.New("file ends too early")
)

// Seconds is the time between the snapshots; false when there is only one, or
// when the two do not belong together (another boot or network namespace).
func (w *Window) Seconds() (float64, bool) {
	if w.From == nil || w.To == nil || w.From.Uptime == nil || w.To.Uptime == nil {
		return 0, false
	}
	if a, b := w.From.Host, w.To.Host; a != nil && b != nil && (a.BootID != b.BootID || a.Netns != b.Netns) {
		return 0, false
	}
	s := *w.To.Uptime - *w.From.Uptime
	return s, s > 0 && !math.IsInf(s, 1)
}

// cutShort notes that the wait ended early; the error is any other one.
func (w *Window) cutShort(err error) error {
	if errors.Is(err, ErrCutShort) {
		w.Interrupted = true
		return nil
	}
	return err
}

// Encode writes w as JSON.
func (w *Window) Encode(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", " ")
	if err := enc.Encode(w); err != nil {
		return fmt.Errorf("write window: %w", err)
	}
	return nil
}

// Decode reads a window that Encode wrote. It returns nil on any error:
// ErrNewerSchema for a file of a later tcptune, ErrTruncated for a cut file.
func Decode(in io.Reader) (*Window, error) { return decode(in, MaxWindowBytes) }

func decode(in io.Reader, most int64) (*Window, error) {
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("read window: %w", err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("read window: larger than %d bytes", most)
	}
	var version struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("read window: %w", decodeReason(err, len(data)))
	}
	switch {
	case version.SchemaVersion == nil:
		return nil, errors.New("read window: no schema_version: this is not a window that tcptune collected")
	case *version.SchemaVersion > SchemaVersion:
		return nil, fmt.Errorf("read window: %w: the file has schema %d, this tcptune reads up to %d", ErrNewerSchema, *version.SchemaVersion, SchemaVersion)
	case *version.SchemaVersion < 1:
		return nil, fmt.Errorf("read window: schema_version %d does not exist", *version.SchemaVersion)
	}
	var w Window
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("read window: %w", decodeReason(err, len(data)))
	}
	if err := errors.Join(w.From.validate(), w.To.validate()); err != nil {
		return nil, fmt.Errorf("read window: %w", err)
	}
	if w.To == nil {
		return nil, errors.New("read window: it holds no snapshot (\"to\" is missing)")
	}
	return &w, nil
}

// decodeReason words an error of encoding/json. A syntax error at the end of
// the data becomes ErrTruncated: a cut file is the usual cause.
func decodeReason(err error, size int) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("%w after %d bytes", ErrTruncated, size)
	case errors.As(err, &mismatch):
		return fmt.Errorf("byte %d: %s is not what a window has in %q", mismatch.Offset, mismatch.Value, mismatch.Field)
	}
	return err
}

// validate refuses what no snapshot that was collected holds, and what could
// not be saved again.
func (s *Snapshot) validate() error {
	if s == nil || s.Sockets == nil {
		return nil
	}
	for i := range s.Sockets.Open {
		if state := s.Sockets.Open[i].State; !state.Valid() {
			return fmt.Errorf("open socket %d has no valid state", i)
		}
	}
	return nil
}
