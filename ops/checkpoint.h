// A read-only, memory-mapped safetensors file.
//
// Format: 8-byte little-endian header length, a JSON object {name: {dtype, shape, data_offsets}},
// then the data. Parsing is strict: header length, JSON, names, dtypes, shapes, offsets, sizes,
// overlaps and holes are all checked before any tensor is handed out, and every product is
// overflow-checked. Nothing is trusted because it came from a file.
//
// Supported dtypes: F32 (borrowed from the map when aligned, copied otherwise), F16 and BF16
// (converted to float32), I64 (only as an ignorable tensor such as num_batches_tracked).
//
// The file must not be truncated or rewritten in place while it is mapped: its pages would change
// or vanish under the reader (SIGBUS). Replace a file by renaming a new one over it.
//
// Errors: NOT_FOUND (no file), INVALID_ARGUMENT (malformed or not a regular file; says which tensor
// and what is wrong), RESOURCE_EXHAUSTED (larger than kMaxHeaderBytes or kMaxTensors); other
// failures to open or map are errno's code (PERMISSION_DENIED).
// Thread-safe: immutable after Open.
#ifndef SISKIN_OPS_CHECKPOINT_H_
#define SISKIN_OPS_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/dtype.h"
#include "ops/tensor_data.h"

namespace siskin::ops {

std::string ShapeToString(absl::Span<const int64_t> shape);  // "[32, 1, 3, 3]"

struct TensorEntry {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  absl::Span<const uint8_t> bytes;  // borrowed from the map
};

class Checkpoint {
 public:
  static constexpr int64_t kMaxHeaderBytes = int64_t{16} << 20;
  static constexpr int64_t kMaxTensors = 65536;

  // Maps and parses `path`. The map lives as long as the Checkpoint or any TensorData read from it.
  static absl::StatusOr<Checkpoint> Open(const std::string& path);
  // Parses bytes already in memory, kept alive by `owner`; if that is null, the caller keeps them
  // alive as long as the Checkpoint and any TensorData read from it. `name` is used in messages.
  static absl::StatusOr<Checkpoint> Parse(absl::Span<const uint8_t> bytes,
                                          std::shared_ptr<const void> owner, std::string name);

  const std::string& name() const { return name_; }
  const std::map<std::string, TensorEntry, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }

  bool Contains(std::string_view key) const { return tensors_.find(key) != tensors_.end(); }
  // The tensor's values as float32. NOT_FOUND without such a key; INVALID_ARGUMENT for I64.
  absl::StatusOr<TensorData> Read(std::string_view key) const;

 private:
  Checkpoint() = default;

  std::string name_;
  std::map<std::string, TensorEntry, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::shared_ptr<const void> owner_;
};

// Writes a safetensors file (tests, tools). Tensors are stored as F32 in the given order.
// INVALID_ARGUMENT: a file that Open would refuse (a key twice, values that do not fill the shape).
struct NamedTensor {
  std::string key;
  std::vector<int64_t> shape;
  absl::Span<const float> values;
};
absl::Status WriteCheckpoint(const std::string& path, absl::Span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_CHECKPOINT_H_
