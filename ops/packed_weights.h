// Weights in the layouts that primitives want. Private to ops; see PackedWeights in ops/plan.h.
#ifndef SISKIN_OPS_PACKED_WEIGHTS_H_
#define SISKIN_OPS_PACKED_WEIGHTS_H_

#include <cstdint>
#include <mutex>
#include <vector>

#include "ops/onednn_api.h"
#include "ops/tensor_data.h"

namespace siskin::ops {

class PackedWeights {
 public:
  // `data`, which has the layout `plain`, in the layout `wanted`: borrowed if the two are equal,
  // else reordered once and shared by all who ask for the same. Throws dnnl::error.
  dnnl::memory Get(const TensorData& data, const onednn::Desc& plain, const onednn::Desc& wanted);

  int64_t bytes() const;  // of the reordered copies

 private:
  struct Entry {
    TensorData data;  // keeps the key (its address) alive, and borrowed values too
    onednn::Desc layout;
    dnnl::memory memory;
    int64_t bytes = 0;
  };

  mutable std::mutex mu_;
  std::vector<Entry> entries_;  // guarded by mu_
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PACKED_WEIGHTS_H_
