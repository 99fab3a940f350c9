// Graph -> Graph rewrites. Each keeps the network's function (tested "rewritten equals original")
// and needs a bound graph where it touches weights. Parameters that are no longer used are dropped.
#ifndef SISKIN_OPS_REWRITE_H_
#define SISKIN_OPS_REWRITE_H_

#include "absl/status/statusor.h"
#include "ops/graph.h"

namespace siskin::ops {

// Folds every batch norm that directly follows its sole-consumer convolution into that
// convolution's weight and bias. Computed in double precision, stored as float32.
// FAILED_PRECONDITION if the graph is not bound.
absl::StatusOr<Graph> FoldBatchNorm(const Graph& graph);

// Moves activations, and batch norms of convolutions, from behind a Concat to each of its
// operands, where they can be merged. REQUIRES: `graph` is bound.
Graph PushThroughConcat(const Graph& graph);

// Multiplies the constant into the weight and bias of the convolution it solely consumes.
// REQUIRES: `graph` is bound.
Graph FoldScale(const Graph& graph);

// Merges an activation into the convolution or linear layer it solely consumes.
Graph FuseActivation(const Graph& graph);

// Merges an Add into the convolution that produces one of its operands, when that convolution has
// no activation and no other consumer, and the other operand is neither needed after the Add nor
// the pooled features (so that the sum can be made in place).
Graph FuseResidualAdd(const Graph& graph);

// All of them in the order that a Plan wants. FAILED_PRECONDITION if the graph is not bound.
absl::StatusOr<Graph> Optimize(const Graph& graph);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_REWRITE_H_
