// SPDX-License-Identifier: Apache-2.0

package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// yamlLine is how yaml.v3 says where a syntax error is.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// Document returns the root of the only YAML document of a file, which holds one
// noun ("rule"); nil where there is none.
func (r *Reader) Document(data []byte, noun string) *yaml.Node {
	if len(data) > MaxBytes {
		r.At(nil, "the file is larger than %d KiB", MaxBytes>>10)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		r.At(nil, "the file is empty")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.At(&second, "a second document starts here; one file holds one %s", noun)
	case !errors.Is(err, io.EOF):
		r.syntax(err)
	}
	return doc.Content[0]
}

func (r *Reader) syntax(err error) {
	p := Problem{File: r.File, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = strings.TrimPrefix(err.Error(), m[0])
	}
	r.Problems = append(r.Problems, p)
}
