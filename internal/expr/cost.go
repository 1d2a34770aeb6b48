// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// MaxCost is the most that one evaluation can cost, in the units of CostLimit,
// when every list of facts has at most elements elements. A test of the
// built-in rules bounds it, so that they need no limit when they run.
func (p *Program) MaxCost(elements uint64) (uint64, error) {
	if p.word {
		return 0, nil
	}
	env, err := p.env.env(p.forEach)
	if err != nil {
		return 0, err
	}
	checked, issues := env.Compile(p.text)
	if err := issues.Err(); err != nil {
		return 0, fmt.Errorf("compile %s: %w", p.text, err)
	}
	estimate, err := env.EstimateCost(checked, sizes(elements))
	if err != nil {
		return 0, fmt.Errorf("estimate the cost of %s: %w", p.text, err)
	}
	return estimate.Max, nil
}

// sizes is a cost.Estimator that knows how long lists and texts can be.
type sizes uint64

// maxFactText is longer than the text of any fact.
const maxFactText = 4096

// EstimateSize implements cost.Estimator.
func (s sizes) EstimateSize(x cost.AstNode) *cost.SizeEstimate {
	switch x.Type().Kind() {
	case types.ListKind:
		return &cost.SizeEstimate{Max: uint64(s)}
	case types.StringKind:
		return &cost.SizeEstimate{Max: maxFactText}
	}
	return nil
}

// EstimateCallCost implements cost.Estimator: CEL's own estimate is used.
func (s sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
