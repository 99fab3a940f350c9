#include "ops/packed_weights.h"

#include "ops/onednn_runtime.h"
#include "ops/plan.h"

namespace siskin::ops {

dnnl::memory PackedWeights::Get(const TensorData& data, const onednn::Desc& plain,
                                const onednn::Desc& wanted) {
  const std::lock_guard lock(mu_);
  const float* values = data.values().data();
  for (const Entry& entry : entries_) {
    if (entry.data.values().data() == values && entry.layout == wanted) return entry.memory;
  }
  // oneDNN takes a mutable handle; a source of a reorder or a primitive's weights is only read.
  dnnl::memory memory(plain, CpuEngine(), const_cast<float*>(values));
  int64_t bytes = 0;
  if (!(plain == wanted)) {
    dnnl::memory packed(wanted, CpuEngine());
    dnnl::stream stream(CpuEngine());
    dnnl::reorder(memory, packed).execute(stream, memory, packed);
    stream.wait();
    memory = packed;
    bytes = static_cast<int64_t>(wanted.get_size());
  }
  entries_.push_back({data, wanted, memory, bytes});
  return memory;
}

int64_t PackedWeights::bytes() const {
  const std::lock_guard lock(mu_);
  int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.bytes;
  return total;
}

std::shared_ptr<PackedWeights> MakePackedWeights() { return std::make_shared<PackedWeights>(); }

int64_t PackedBytes(const PackedWeights& weights) { return weights.bytes(); }

}  // namespace siskin::ops
