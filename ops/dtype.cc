#include "ops/dtype.h"

#include <bit>
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

// Sign, 5 bits of exponent (bias 15), 10 bits of fraction.
float FloatFromF16(uint16_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1f) {  // inf, nan
    return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  }
  if (exponent == 0) {  // zero or subnormal, which is a normal float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + (127 - 15)) << 23 | fraction << 13);
}

// A BF16 is the upper half of a float32.
float FloatFromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

}  // namespace siskin::ops
