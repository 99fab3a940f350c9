#include "ops/packed_weights.h"

#include "ops/onednn_runtime.h"
#include "ops/plan.h"

namespace siskin::ops {

dnnl::memory PackedWeights::Get(const Parameter& parameter, const onednn::Desc& plain,
                                const onednn::Desc& wanted) {
  // Held over the reorder, so that plans compiled at the same time pack each weight once. Lanes
  // never wait here: their workspaces have the memory already.
  const std::lock_guard lock(mu_);
  for (const Entry& entry : entries_) {
    if (entry.key == parameter.key && entry.layout == wanted) return entry.memory;
  }
  // oneDNN takes a mutable handle; a source of a reorder or a primitive's weights is only read.
  dnnl::memory memory(plain, CpuEngine(), const_cast<float*>(parameter.data.values().data()));
  if (plain == wanted) {
    entries_.push_back({parameter.key, wanted, memory, parameter.data, 0});
    return memory;
  }
  const size_t bytes = wanted.get_size();
  dnnl::memory packed(wanted, CpuEngine(), Allocate(bytes));
  dnnl::stream stream(CpuEngine());
  dnnl::reorder(memory, packed).execute(stream, memory, packed);
  stream.wait();
  entries_.push_back({parameter.key, wanted, packed, {}, static_cast<int64_t>(bytes)});
  return packed;
}

std::byte* PackedWeights::Allocate(size_t bytes) {
  constexpr size_t kCacheLine = 64;
  // Slabs are whole huge pages: small weights share one, and no rounding leads past its end. A slab
  // that moves within slabs_ leaves its pages where they are.
  if (slabs_.empty() || slabs_.back().bytes().size() - used_ < bytes) {
    slabs_.emplace_back(bytes);
    used_ = 0;
  }
  std::byte* const memory = slabs_.back().bytes().data() + used_;
  used_ += (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  return memory;
}

int64_t PackedWeights::bytes() const {
  const std::lock_guard lock(mu_);
  int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.copied_bytes;
  return total;
}

std::shared_ptr<PackedWeights> MakePackedWeights() { return std::make_shared<PackedWeights>(); }

int64_t PackedBytes(const PackedWeights& weights) { return weights.bytes(); }

}  // namespace siskin::ops
