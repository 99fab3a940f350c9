// Removes nodes from a graph and renumbers what is left: the last step of rewrites and of binding a
// checkpoint whose batch norms are folded.
#ifndef SISKIN_OPS_COMPACT_H_
#define SISKIN_OPS_COMPACT_H_

#include <vector>

#include "ops/graph.h"

namespace siskin::ops {

// `replacement[i]` is the value that stands for node i, itself unless the node is removed. Chains
// are followed, ids renumbered, and parameters dropped that no node uses any more.
// REQUIRES: a replacement comes before what it replaces.
Graph Compact(const Graph& graph, const std::vector<ValueId>& replacement);

// The replacement that removes nothing.
std::vector<ValueId> IdentityReplacement(const Graph& graph);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_COMPACT_H_
