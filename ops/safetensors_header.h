// The JSON header of a safetensors file, parsed strictly and checked in itself.
//
// What needs the data behind the header (bounds, overlaps, holes) is checked by Checkpoint::Parse.
#ifndef SISKIN_OPS_SAFETENSORS_HEADER_H_
#define SISKIN_OPS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/dtype.h"

namespace siskin::ops {

// One tensor's entry: 0 <= begin <= end, and end - begin is what dtype and shape need.
struct HeaderEntry {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  int64_t begin = 0;  // byte offsets into the data
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, HeaderEntry, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

// INVALID_ARGUMENT: not such a header; names the tensor, what was expected and what was found.
// RESOURCE_EXHAUSTED: more than Checkpoint::kMaxHeaderBytes, or kMaxTensors tensors or metadata
// entries.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json);

// `text` between quotes for a message: escaped, and cut when long.
std::string QuoteForMessage(std::string_view text);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_SAFETENSORS_HEADER_H_
