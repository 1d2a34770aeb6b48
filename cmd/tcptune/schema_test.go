// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaDir is docs/schema, wherever the test runs.
func schemaDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "docs", "schema")
}

// validateSchema validates a document against docs/schema/NAME.schema.json.
func validateSchema(name string, document []byte) error {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(schemaDir(), name+".schema.json"))
	if err != nil {
		return fmt.Errorf("compile schema: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return fmt.Errorf("decode document: %w", err)
	}
	return schema.Validate(value)
}
