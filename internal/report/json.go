// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// writeJSON writes v as one indented document that a terminal can be shown.
func writeJSON(w io.Writer, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err == nil {
		_, err = io.WriteString(w, escapeJSON(b.String()))
	}
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// escapeJSON escapes what encoding/json leaves as it is although Clean would
// not: control characters beyond U+001F, such as the one-character CSI U+009B,
// and characters that change the direction of text. It changes no value.
func escapeJSON(document string) string {
	if !strings.ContainsFunc(document, unsafeInJSON) {
		return document
	}
	var b strings.Builder
	for _, r := range document {
		switch high, low := utf16.EncodeRune(r); {
		case !unsafeInJSON(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// unsafeInJSON reports whether a character must be escaped. Those below U+007F
// are the encoder's.
func unsafeInJSON(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
