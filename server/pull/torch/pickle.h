// A Python pickle of weights, read without Python: an interpreter that knows only the opcodes of
// protocol 2 that torch.save writes and only the names of pickle_value.h. It executes nothing, and
// its memory is bounded by kMaxPickleBytes and kMaxPickleValues whatever the bytes say.
//
// Thread-safe once parsed.
#ifndef SISKIN_SERVER_PULL_TORCH_PICKLE_H_
#define SISKIN_SERVER_PULL_TORCH_PICKLE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/pull/torch/pickle_value.h"

namespace siskin::pull {

inline constexpr size_t kMaxPickleBytes = size_t{16} << 20;
// Values made, and places they take on the stack, in the memo and in containers.
inline constexpr size_t kMaxPickleValues = size_t{1} << 20;

class Pickle {
 public:
  // Moving keeps the addresses of its values.
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;

  // Reads the pickle that `bytes` begins with; what follows it is not looked at. INVALID_ARGUMENT:
  // truncated, malformed, or with an opcode or a name that weights do not need; says at which byte.
  // RESOURCE_EXHAUSTED: too large.
  static absl::StatusOr<Pickle> Parse(absl::Span<const uint8_t> bytes);

  const PickleValue& root() const { return *root_; }
  size_t size() const { return size_; }  // bytes of the pickle
  // Every storage it refers to, by key.
  const std::map<std::string, TorchStorage>& storages() const { return storages_; }

 private:
  friend class PickleMachine;

  Pickle() = default;

  // A deque does not move its values. They are flat, so that neither cycles nor depth matter here.
  std::deque<PickleValue> values_;
  std::map<std::string, TorchStorage> storages_;
  const PickleValue* root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_PICKLE_H_
