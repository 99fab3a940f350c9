// Which layout the values of a graph get, where a plan does not leave that to oneDNN. Private to
// ops.
//
// Left alone, oneDNN prefers channels-last layouts on machines with matrix kernels. Two kinds of
// layers run faster in its blocked layouts, with vectors of sixteen channels (DNNL_VERBOSE=1 shows
// it):
//
// - The front: first layers whose activations do not fit the cache, depthwise ones above all. The
//   front ends where channels would have to be padded to whole vectors, or where the activations
//   fit; it does not resume, so that it costs one reorder.
// - Networks of concatenations, if all operands have multiples of sixteen channels (the
//   Inception family): they are apart in the memory of a blocked result, so each is written in
//   place.
//
// Grouped convolutions have generated kernels for channels-last layouts alone; and so have those
// for which ops/kernel_policy.h knows a faster one.
#ifndef SISKIN_OPS_LAYOUT_POLICY_H_
#define SISKIN_OPS_LAYOUT_POLICY_H_

#include <optional>
#include <vector>

#include "ops/cpu_traits.h"
#include "ops/graph.h"
#include "ops/onednn_api.h"

namespace siskin::ops {

class LayoutPolicy {
 public:
  LayoutPolicy(const Graph& graph, int64_t cache_bytes, const CpuTraits& cpu);

  // For both sides of a convolution; nullopt: what oneDNN prefers.
  std::optional<dnnl::memory::format_tag> ForConvolution(ValueId id) const;
  // Each operand of the concatenation can be written into a view of it.
  dnnl::memory::format_tag ForConcat(ValueId id) const;
  dnnl::memory::format_tag ForLinear() const;  // both sides; may be `any`

 private:
  const Graph& graph_;
  const CpuTraits cpu_;
  bool blocked_network_ = false;
  std::vector<std::optional<dnnl::memory::format_tag>> front_;  // by ValueId
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_LAYOUT_POLICY_H_
