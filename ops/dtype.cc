#include "ops/dtype.h"

#include <cstddef>

namespace siskin::ops {
namespace {

struct DTypeFacts {
  DType dtype;
  const char* name;
  int64_t size;
};

// Indexed by DType.
constexpr DTypeFacts kFacts[] = {{DType::kF32, "F32", 4},
                                 {DType::kF16, "F16", 2},
                                 {DType::kBF16, "BF16", 2},
                                 {DType::kI64, "I64", 8}};

const DTypeFacts& FactsOf(DType dtype) { return kFacts[static_cast<size_t>(dtype)]; }

}  // namespace

const char* ToString(DType dtype) { return FactsOf(dtype).name; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DTypeFacts& facts : kFacts) {
    if (facts.name == name) return facts.dtype;
  }
  return std::nullopt;
}

int64_t SizeOf(DType dtype) { return FactsOf(dtype).size; }

}  // namespace siskin::ops
