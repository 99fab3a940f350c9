// Read-only float32 values of one parameter, owned or borrowed from a mapped file.
//
// Copies share the storage; the storage lives as long as any copy does.
// Thread-safe: immutable after construction.
#ifndef SISKIN_OPS_TENSOR_DATA_H_
#define SISKIN_OPS_TENSOR_DATA_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace siskin::ops {

class TensorData {
 public:
  TensorData() = default;

  // Takes the values over.
  explicit TensorData(std::vector<float> values) {
    auto owned = std::make_shared<const std::vector<float>>(std::move(values));
    values_ = *owned;
    owner_ = std::move(owned);
  }

  // Borrows `values` from storage that `owner` keeps alive (a mapped file).
  TensorData(absl::Span<const float> values, std::shared_ptr<const void> owner)
      : values_(values), owner_(std::move(owner)) {}

  // `count` values from `first` on; shares the storage.
  TensorData Slice(size_t first, size_t count) const {
    return TensorData(values_.subspan(first, count), owner_);
  }

  absl::Span<const float> values() const { return values_; }
  bool empty() const { return values_.empty(); }

 private:
  absl::Span<const float> values_;
  std::shared_ptr<const void> owner_;
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_TENSOR_DATA_H_
