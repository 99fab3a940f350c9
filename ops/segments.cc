#include "ops/segments.h"

#include <algorithm>

namespace siskin::ops {
namespace {

// Bytes of one image that `node` reads and writes, without weights.
int64_t ActivationBytes(const Graph& graph, const Node& node) {
  int64_t elements = node.shape.elements();
  for (ValueId input : node.inputs) elements += graph.nodes[input].shape.elements();
  return elements * static_cast<int64_t>(sizeof(float));
}

// The largest divisor of `batch` that is at most `limit`, at least 1.
int LargestDivisor(int batch, int64_t limit) {
  for (int divisor = batch; divisor > 1; --divisor) {
    if (batch % divisor == 0 && divisor <= limit) return divisor;
  }
  return 1;
}

}  // namespace

std::vector<Segment> CutSegments(const Graph& graph, int batch_size, int64_t cache_bytes) {
  const int count = static_cast<int>(graph.nodes.size());
  std::vector<int> micro_batch(count);
  // From the end: a layer runs over no more images than fit the cache in every layer behind it.
  int limit = batch_size;
  for (int i = count - 1; i >= 0; --i) {
    const int64_t bytes = std::max<int64_t>(ActivationBytes(graph, graph.nodes[i]), 1);
    limit = std::min(limit, LargestDivisor(batch_size, cache_bytes / bytes));
    micro_batch[i] = limit;
  }
  std::vector<Segment> segments;
  for (int i = 0; i < count; ++i) {
    if (segments.empty() || segments.back().micro_batch != micro_batch[i]) {
      segments.push_back({i, i, micro_batch[i]});
    }
    segments.back().last = i;
  }
  return segments;
}

}  // namespace siskin::ops
