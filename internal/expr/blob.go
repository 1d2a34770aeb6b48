// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"cel.dev/cel-go/cel"
	exprpb "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	"google.golang.org/protobuf/proto"
)

func decodeChecked(data []byte) (*cel.Ast, error) {
	var checked exprpb.CheckedExpr
	if err := proto.Unmarshal(data, &checked); err != nil {
		return nil, err
	}
	return cel.CheckedExprToAstWithSource(&checked, nil)
}
