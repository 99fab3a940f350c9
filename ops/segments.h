// Cuts a graph into segments that run in micro-batches.
//
// A layer is best run over as many images as its activations fit in the cache for: fewer reload the
// weights too often, more stream the activations through memory. Early layers have large
// activations and few weights, late layers the opposite, so the micro-batch grows along the
// network. It never shrinks: blocks alternate between large and small activations, and each change
// costs a value of the whole batch, which leaves the cache.
#ifndef SISKIN_OPS_SEGMENTS_H_
#define SISKIN_OPS_SEGMENTS_H_

#include <cstdint>
#include <vector>

#include "ops/graph.h"

namespace siskin::ops {

// Nodes [first, last] run batch / micro_batch times, each time over micro_batch images.
struct Segment {
  int first = 0;
  int last = 0;
  int micro_batch = 1;  // divides the batch size
};

// Consecutive segments that cover all nodes, with growing micro-batches.
std::vector<Segment> CutSegments(const Graph& graph, int batch_size, int64_t cache_bytes);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_SEGMENTS_H_
