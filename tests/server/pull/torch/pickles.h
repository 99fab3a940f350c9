// Pickles written by hand, opcode by opcode.
#ifndef SISKIN_TESTS_SERVER_PULL_TORCH_PICKLES_H_
#define SISKIN_TESTS_SERVER_PULL_TORCH_PICKLES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace siskin::testing {

inline absl::Span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string Little(uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

inline const std::string kProto2("\x80\x02", 2);

inline std::string Text(const std::string& text) { return "X" + Little(text.size(), 4) + text; }
inline std::string Global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string Int(int32_t number) { return "J" + Little(static_cast<uint32_t>(number), 4); }

// A persistent id: ("storage", torch.FloatStorage, key, "cpu", elements)
inline std::string Storage(const std::string& key, int32_t elements,
                           const std::string& type = "FloatStorage") {
  return "(" + Text("storage") + Global("torch", type) + Text(key) + Text("cpu") + Int(elements) +
         "tQ";
}

// _rebuild_tensor_v2 of a storage; shape and strides are tuples such as Int(2) + "\x85".
inline std::string Tensor(const std::string& storage, int32_t offset, const std::string& shape,
                          const std::string& strides) {
  return Global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + Int(offset) + shape +
         strides + "\x89" + Global("collections", "OrderedDict") + ")RtR";
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_PULL_TORCH_PICKLES_H_
