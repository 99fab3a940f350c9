// Weights in the layouts that primitives want. Private to ops; see PackedWeights in ops/plan.h.
#ifndef SISKIN_OPS_PACKED_WEIGHTS_H_
#define SISKIN_OPS_PACKED_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "ops/graph.h"
#include "ops/onednn_api.h"
#include "ops/page_memory.h"
#include "ops/tensor_data.h"

namespace siskin::ops {

class PackedWeights {
 public:
  // The values of `parameter`, which have the layout `plain`, in the layout `wanted`: borrowed if
  // the two are equal, else reordered once; the same memory for every further call. The memory
  // lives as long as this object, whatever becomes of `parameter`. Throws dnnl::error.
  dnnl::memory Get(const Parameter& parameter, const onednn::Desc& plain,
                   const onednn::Desc& wanted);

  int64_t bytes() const;  // of the reordered copies

 private:
  struct Entry {
    // Of the parameter, unique in a model. Slices that begin at the same row have the same key and,
    // if they end at different ones, different layouts.
    std::string key;
    onednn::Desc layout;
    dnnl::memory memory;
    TensorData borrowed;  // keeps the memory alive, unless it is a copy
    int64_t copied_bytes = 0;
  };

  // Memory for `bytes` that lives as long as this object and does not move.
  std::byte* Allocate(size_t bytes);

  mutable std::mutex mu_;
  std::vector<Entry> entries_;     // guarded by mu_
  std::vector<PageMemory> slabs_;  // guarded by mu_; the last one is being filled
  size_t used_ = 0;                // bytes of the last slab; guarded by mu_
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PACKED_WEIGHTS_H_
