// What both protocols say and read in the same way.
#ifndef SISKIN_SERVER_RPC_WIRE_H_
#define SISKIN_SERVER_RPC_WIRE_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace siskin::rpc {

// In every answer of a model that was never trained.
inline constexpr char kRandomWeightsWarning[] =
    "random weights: this model was never trained, its answers mean nothing";

// A borrowed view of what protobuf keeps in a string.
inline absl::Span<const uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_WIRE_H_
