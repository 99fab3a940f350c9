// The element types of a checkpoint that can be read.
#ifndef SISKIN_OPS_DTYPE_H_
#define SISKIN_OPS_DTYPE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace siskin::ops {

enum class DType { kF32, kF16, kBF16, kI64 };

const char* ToString(DType dtype);  // "F32", as safetensors writes it
std::optional<DType> DTypeFromName(std::string_view name);
int64_t SizeOf(DType dtype);  // bytes of one element

float FloatFromF16(uint16_t bits);
float FloatFromBF16(uint16_t bits);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_DTYPE_H_
