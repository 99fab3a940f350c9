// Gives a graph its weights: from a checkpoint, with an audit, or at random.
//
// A shape fits if it differs from the graph's only in extents of 1, which move no element:
// published files hold batch norms as [1, C], and pointwise and linear weights as [O, I] or [O, I,
// 1, 1].
//
// REQUIRES, everywhere: the graph is valid (Graph::Validate). Functions are pure and thread-safe.
#ifndef SISKIN_OPS_BIND_H_
#define SISKIN_OPS_BIND_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/checkpoint.h"
#include "ops/graph.h"

namespace siskin::ops {

struct BindOptions {
  // Maps a canonical layer ("blocks.0.0.conv_dw", a parameter key without its last component) to
  // the layer's name in the checkpoint. Unset: names are equal.
  std::function<std::string(std::string_view layer)> layer_name;
  // Checkpoint keys that may be left over; a key matches if it ends in ".<suffix>" or equals it.
  std::vector<std::string> ignorable_suffixes = {"num_batches_tracked"};
  std::vector<std::string> ignorable_prefixes = {};  // may be left over, too
};

// How a checkpoint differs from what a graph needs. Each list holds ready-to-print lines.
struct Audit {
  std::vector<std::string> missing;     // "blocks.0.0.conv_dw.weight [32, 1, 3, 3]"
  std::vector<std::string> left_over;   // "head.extra [10]"
  std::vector<std::string> mis_shaped;  // "classifier.weight: expected [1000, 1024], file has ..."

  bool clean() const { return missing.empty() && left_over.empty() && mis_shaped.empty(); }
  size_t size() const { return missing.size() + left_over.size() + mis_shaped.size(); }
  // A sentence with counts and the first few lines of each list.
  std::string Summary() const;
};

// Compares keys and shapes without reading data. A batch norm whose four keys are all absent while
// its convolution, or each of those concatenated before it, has a bias in the file, and no other
// reader in the graph, counts as folded, not missing.
Audit AuditCheckpoint(const Graph& graph, const Checkpoint& checkpoint, const BindOptions& options);

// Returns `graph` with every parameter bound. Each checkpoint key is used exactly once; anything
// else is INVALID_ARGUMENT with the audit's summary. Folded batch norms are removed and their
// convolutions get the file's biases. A background row is dropped where the parameter allows it,
// from all such parameters of a layer or from none. F32 values are borrowed from the checkpoint's
// map.
absl::StatusOr<Graph> Bind(const Graph& graph, const Checkpoint& checkpoint,
                           const BindOptions& options);

// Binds every parameter to deterministic pseudo-random values (He-normal weights, batch norms with
// non-trivial statistics), so that activations stay in range. Same seed, same values, everywhere.
Graph BindRandom(const Graph& graph, uint64_t seed);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_BIND_H_
